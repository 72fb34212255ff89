"""Running a plan many times: programs bound to one batch size and one set of buffers."""
