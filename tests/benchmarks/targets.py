#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of speed targets: this build and its Python peers, measured in turn on this machine, in one run.

Run by ./bootstrap bench. Standard library only. Every line is a ratio; what is missing (peers, a GPU, a window) is said, not guessed.
"""
import argparse, json, os, pathlib, re, statistics, subprocess, sys, time

ROOT = pathlib.Path(__file__).resolve().parents[2]
PEERS = {"mamba": ["mambapy", "hf-mamba-pscan"], "moe_mamba": ["hf-jamba-pscan", "mambapy-jamba"],
         "transformer": ["gpt"], "transformer_moe": ["hf-mixtral"]}
SIZES = ["tiny", "small", "base"]


class Bench:
    def __init__(self, options):
        self.o = options
        self.serp = options.build / "bin/serp"
        self.script = options.peers / "bench_peers.py"
        self.python = options.python
        self.lines, self.rows = [], []
        # OpenBLAS must find out the processor by itself, or the peers would be measured with another one's kernels.
        self.env = {k: v for k, v in os.environ.items() if not k.startswith("OPENBLAS_")}

    def note(self, text):
        print(text, file=sys.stderr, flush=True)

    def run(self, command, timeout=900):
        try:
            done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=timeout, env=self.env, cwd=ROOT)
        except (OSError, subprocess.TimeoutExpired) as error:
            self.note(f"  {error}")
            return []
        if done.returncode != 0:
            last = (done.stderr or done.stdout).strip().splitlines()[-1:]
            self.note(f"  {' '.join(map(str, command[:5]))} ...: exit {done.returncode} {' '.join(last)}")
        found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        self.lines += found
        return found

    def ours(self, mode, model, size, *more):
        found = self.run([self.serp, "bench", mode, "--model", model, "--preset", size, "--budget", self.o.budget, "--json", *more])
        return found[0] if found else None

    def peer(self, mode, name, size, *more):
        if not self.python:
            return None
        found = self.run([self.python, self.script, "--model", name, "--preset", size, "--mode", mode, "--threads", self.o.threads, "--steps", 8,
                          "--warmup", 1, "--budget", self.o.budget, *more])
        found = [f for f in found if f.get("tokens_per_s")]
        return found[0] if found else None

    def best(self, mode, family, size, *more):
        found = [p for p in (self.peer(mode, name, size, *more) for name in PEERS[family]) if p]
        return max(found, key=lambda p: p["tokens_per_s"]) if found else None

    def row(self, what, shape, ours, against, theirs, ratio, target, below=False):
        reached = None if ratio is None or target is None else (ratio <= target if below else ratio >= target)
        self.rows.append({"what": what, "shape": shape, "ours": ours, "against": against, "theirs": theirs, "ratio": ratio, "target": target,
                          "at_most": below, "reached": reached})
        self.note("  " + self.text(self.rows[-1]))

    @staticmethod
    def text(r):
        number = lambda x: "-" if x is None else f"{x:,.0f}" if isinstance(x, (int, float)) and abs(x) >= 1000 else f"{x:.3g}" if isinstance(x, (int, float)) else x
        sign = "<=" if r["at_most"] else ">="
        return (f"{r['what']:<40} {r['shape']:<26} {number(r['ours']):>10} {number(r['theirs']):>10} {number(r['ratio']):>8} "
                f"{'' if r['target'] is None else sign + ' ' + number(r['target']):>9} "
                f"{ {True: 'reached', False: 'MISSED', None: ''}[r['reached']]:<8} {r['against']}")

    def training(self):
        threads = ["--threads", self.o.threads]
        wanted = {"mamba": 10, "moe_mamba": 7, "transformer": 1.3, "transformer_moe": 1.5}
        tuned = {"mamba": 5, "moe_mamba": 3.5}
        for size in self.o.sizes:
            for family, target in wanted.items():
                shape = f"{size}, {self.o.threads} threads, float32"
                mine, theirs = self.ours("train", family, size, *threads), self.best("train", family, size)
                if not mine:
                    continue
                other = theirs["tokens_per_s"] if theirs else None
                self.row(f"training {family}, tokens/s", shape, mine["tokens_per_s"], theirs["model"] if theirs else "no peer here", other,
                         mine["tokens_per_s"] / other if other else None, target)
                if family in tuned and self.python:
                    theirs = self.best("train", family, size, "--tuned-malloc")
                    if theirs:
                        self.row(f"training {family}, tokens/s", shape, mine["tokens_per_s"], theirs["model"] + ", tuned allocator",
                                 theirs["tokens_per_s"], mine["tokens_per_s"] / theirs["tokens_per_s"], tuned[family])
                narrow = self.ours("train", family, size, *threads, "--precision", "bfloat16")
                if narrow:
                    self.row(f"training {family}, tokens/s", shape.replace("float32", "bfloat16"), narrow["tokens_per_s"], "ourselves in float32",
                             mine["tokens_per_s"], narrow["tokens_per_s"] / mine["tokens_per_s"], 1.3 if size == "base" else None)
                    if other:
                        self.row(f"training {family}, tokens/s", shape.replace("float32", "bfloat16"), narrow["tokens_per_s"],
                                 f"{theirs['model']} in float32", other, narrow["tokens_per_s"] / other, None)
                if family == "mamba" and size == "base" and theirs:
                    heavy = self.peer("train", "mambapy", size)
                    if heavy:
                        self.row("peak memory of training, MB", shape, mine["peak_rss_mb"], "mambapy", heavy["peak_rss_mb"],
                                 mine["peak_rss_mb"] / heavy["peak_rss_mb"], 0.25, below=True)

    def ourselves(self):
        for size in ("small", "base"):
            for family in ("mamba", "moe_mamba"):
                one, two = self.ours("train", family, size, "--threads", 1), self.ours("train", family, size, "--threads", 2)
                if one and two:
                    self.row(f"two threads over one, {family}", size, two["tokens_per_s"], "one thread", one["tokens_per_s"],
                             two["tokens_per_s"] / one["tokens_per_s"], 1.7)
        for family in ("mamba", "moe_mamba"):
            found = self.ours("train", family, "small", "--threads", self.o.threads, "--profile")
            if found:
                p = found["profile"]
                self.row(f"share of the roof, {family}", f"small, {self.o.threads} threads", p["share_of_roof"],
                         f"{p['roof']['gflops']:.0f} GFLOP/s, {p['roof']['gexp']:.1f} Gexp/s", 1.0, p["share_of_roof"], 0.6)

    def operators(self):
        targets = {"scan forward": 30, "scan backward": 15, "conv forward + backward": 5, "adamw": 1.0}
        for kind in ("scan", "conv", "matmul", "attention", "moe", "adamw"):
            for r in self.run([self.serp, "bench", kind, "--json"]):
                self.row(f"{r['bench']}, {r['unit']}", f"{r['shape']}, 1 thread", r["value"], r["against"], r["reference"], r["ratio"],
                         targets.get(r["bench"]))

    def decoding(self):
        for size, target in zip(SIZES, (10, 6, 4)):
            if size not in self.o.sizes:
                continue
            mine, theirs = self.ours("decode", "mamba", size, "--threads", self.o.threads), self.best("decode", "mamba", size)
            if mine:
                other = theirs["tokens_per_s"] if theirs else None
                self.row("decoding mamba, tokens/s", f"{size}, batch 1", mine["tokens_per_s"], theirs["model"] if theirs else "no peer here", other,
                         mine["tokens_per_s"] / other if other else None, target)

    def window(self):
        test = self.o.build / "tests/tst_window_training"
        if not test.exists():
            return self.note("  the window's cost is not measured: the tests are not built (./bootstrap test builds them)")
        env = dict(self.env, SERP_COST_SECONDS="10", QT_QPA_PLATFORM="offscreen", GOMP_SPINCOUNT="10000")
        done = subprocess.run([str(test), "costOfTheWindow"], capture_output=True, text=True, env=env)
        found = re.search(r"without the window (\d+)\s+with it (\d+)", done.stdout + done.stderr)
        if found:
            without, beside = map(float, found.groups())
            self.row("window's cost, share of the speed lost", "a step of a few ms", beside, "the same run without a window", without,
                     1 - beside / without, 0.02, below=True)

    def cuda(self):
        where = self.o.build / "cuda_report.json"
        subprocess.run([sys.executable, str(ROOT / "tests/benchmarks/cuda_report.py"), "--arch", "90", "--json", str(where)], capture_output=True, cwd=ROOT)
        if not where.exists():
            return self.note("  the CUDA kernels are not reported on: there is no nvcc")
        rows = json.loads(where.read_text())["rows"]
        kernels = f"{len({r['kernel'] for r in rows})} kernels, sm_90"
        for what, key in (("spills", "spills"), ("float atomics", "floatAtomics")):
            count = sum(bool(r.get(key)) for r in rows)
            self.row(f"CUDA kernels with {what}", kernels, count, "static report, ./bootstrap bench --static", 0, count, 0, below=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build/release")
    parser.add_argument("--peers", type=pathlib.Path, default=ROOT.parent / "shared/peers", help="folder of bench_peers.py")
    parser.add_argument("--python", help="Python with the peers' packages; none: the peers are left out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--budget", type=float, default=10, help="seconds per measurement")
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=SIZES)
    parser.add_argument("--only", nargs="+", choices=["training", "ourselves", "operators", "decoding", "window", "cuda"])
    parser.add_argument("--json", type=pathlib.Path, help="where every measurement and the table are written")
    options = parser.parse_args()
    bench = Bench(options)
    if bench.python and not bench.script.exists():
        bench.note(f"The peers are left out: {bench.script} is not there.")
        bench.python = None
    elif not bench.python:
        bench.note("The peers are left out: no Python with their packages is named.")
    started = time.time()
    for part in options.only or ["training", "ourselves", "operators", "decoding", "window", "cuda"]:
        bench.note(part)
        getattr(bench, part)()
    print(f"\n{'what':<40} {'shape':<26} {'ours':>10} {'theirs':>10} {'ratio':>8} {'target':>9} {'':<8} theirs is")
    for r in bench.rows:
        print(Bench.text(r))
    missed = [r for r in bench.rows if r["reached"] is False]
    print(f"\n{sum(r['reached'] is True for r in bench.rows)} targets reached, {len(missed)} missed, in {time.time() - started:.0f} s.")
    if options.json:
        options.json.write_text(json.dumps({"table": bench.rows, "measurements": bench.lines}, indent=1))
        print(f"Every measurement: {options.json}")


if __name__ == "__main__":
    main()
