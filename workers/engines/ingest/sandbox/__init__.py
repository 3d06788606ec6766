"""Where parsers run: a process that sees their code and one open file, and can do nothing but read.

`isolation.py` starts it. Each layer that the kernel offers is applied, so that a hole in one is not enough:

    namespaces or bubblewrap   a root with nothing in it but code; no network, no other process
    another user               where the engine runs as root
    Landlock                   files: the code alone, to be read; signals and sockets stay inside
    seccomp                    system calls: those of reading and computing; no socket, process or program
    limits                     memory, processor time, open files, no file written, no process started
"""
