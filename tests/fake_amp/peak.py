#!/usr/bin/env python3
"""Peak memory while ten million samples are fetched as raw series, with a sum(rate()) on top.

    peak.py URL AMPQL [CHUNK...]

URL is a Prometheus loaded with a day of container_cpu_usage_seconds_total of so many containers that it has ten million samples
(peak.sh). The command's peak is told by the kernel (wait4); the same query over no series is what it takes without data. What is
between, by samples, is what a sample costs that waits for its other chunks. Exits 1 above 4 bytes a sample."""
import subprocess
import sys
import time

from lab import Lab

from server import Server

END = 1772409600
QUERY = "sum(rate(container_cpu_usage_seconds_total%s[27h]))"


# A small process of its own starts the command: the kernel counts what a child was before its exec as part of its peak.
SMALL = """import os, sys
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0)])
_, status, usage = os.wait4(child, 0)
print(os.waitstatus_to_exitcode(status), usage.ru_maxrss)"""


def peak(lab, arguments):
    """(exit code, peak RSS in bytes, seconds)"""
    begin = time.monotonic()
    done = subprocess.run([sys.executable, "-I", "-S", "-c", SMALL, lab.ampql, *arguments], env=lab.environment(), check=True,
                          capture_output=True, text=True)
    status, kib = done.stdout.split()
    return int(status), int(kib) * 1024, time.monotonic() - begin


def main():
    if len(sys.argv) < 3:
        raise SystemExit(__doc__)
    url, ampql, chunks = sys.argv[1], sys.argv[2], sys.argv[3:] or ["27h", "4h", "1h", "15m"]
    end = END + 3600
    server, lab = Server(url), Lab(ampql, url)
    count = "sum(count_over_time(container_cpu_usage_seconds_total[27h]))"
    nsamples = int(server.result(count, end)[0]["value"][1])
    wanted = server.result(QUERY % "", end)[0]["value"][1]
    print("%d samples of %s series" % (nsamples, server.result("count(last_over_time(container_cpu_usage_seconds_total[27h]))", end)[0]
                                       ["value"][1]))
    worst = 0
    for chunk in chunks:
        source = lab.amp(lab.space(max_response_bytes=0))

        def arguments(inside, source=source, chunk=chunk):
            return ["query", *source, "--chunk", chunk, "--time", str(end), "-o", "json", "--max-samples", "100000000", "--",
                    QUERY % inside]
        _, empty, _ = peak(lab, arguments("{job='none'}"))
        status, full, seconds = peak(lab, arguments(""))
        done = lab.run(*arguments(""), deadline_s=600)
        if status or wanted not in done.out:
            raise SystemExit("peak.py: error: chunks of %s: not %s: %s" % (chunk, wanted, done))
        per_sample = (full - empty) / nsamples
        worst = max(worst, per_sample)
        print("chunks of %-4s peak %.1f MB, %.1f MB without data: %.2f bytes a sample; %.1f s"
              % (chunk, full / 1e6, empty / 1e6, per_sample, seconds))
    sys.exit(worst > 4)


if __name__ == "__main__":
    main()
