"""What the proxy costs, beside what others cost, in one run on one machine: ``make bench``, or ``python -m benchmarks``.

    material      what is asked for and answered, made of the sandbox's data
    contestants   who takes part, with which configuration; programs/ and scripts/ are what they and wrk run
    processes     starting, pinning, measuring and ending them
    upstream      the fast upstream, which refuses wrong calls and counts the others
    verify        nobody is measured whose answers are not right
    load, rounds  wrk, and the interleaved rounds
    pages         PORTAL-FACTS as data; visitors is the process that plays it, portal runs it
    memory        a body of 200 MB
    plan          how much of all that, and in which order
    targets       the figures to reach
    report        the tables; machine says what they were measured on
    micro/        work counted instead of timed, for the tests (README.md there)

Everything listens on the loopback address, ends by itself, and leaves nothing behind.
"""
