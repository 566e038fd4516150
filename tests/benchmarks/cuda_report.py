#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the compiler made of the CUDA kernels, per kernel and architecture: needs nvcc, no card.

Registers, spills, stack and shared memory as ptxas says them; with nvdisasm also instructions, those of the innermost loop
with most exponentials, those per exponential of each innermost loop that reads no global memory (in a scan: per state,
with the way of a reset counted in), loads of 16 bytes, shuffles, barriers and atomics. Ends with 1 if any kernel spills
or adds floating-point numbers atomically.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def tool(name, variable):
    """The path of a tool of the CUDA toolkit, or None."""
    places = [os.environ.get(variable), shutil.which(name)]
    homes = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    places += [os.path.join(h, "bin", name) for h in homes if h]
    for base in sys.path:  # the toolkit's Python packages
        places.append(os.path.join(base, "nvidia", "cu13", "bin", name))
    return next((p for p in places if p and os.access(p, os.X_OK)), None)


def architectures(nvcc):
    version = subprocess.run([nvcc, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"release (\d+)\.(\d+)", version)
    new = found and (int(found[1]), int(found[2])) >= (12, 8)
    return ["80", "86", "89", "90"] + (["120"] if new else [])


def readable(names):
    """Mangled names to 'kernel<arguments>', without namespaces."""
    out = {n: n for n in names}
    if shutil.which("c++filt"):
        text = subprocess.run(["c++filt"], input="\n".join(names), capture_output=True, text=True).stdout
        out = dict(zip(names, text.splitlines()))
    for mangled, name in out.items():
        name = re.sub(r"\(anonymous namespace\)::|serp::kernels::cuda::|^void ", "", name)
        depth = 0
        for i, c in enumerate(name):  # cut the arguments of the function
            depth += (c == "<") - (c == ">")
            if c == "(" and depth == 0:
                name = name[:i]
                break
        name = re.sub(r"std::integral_constant<int, (\d+)>", r"\1", name)
        name = re.sub(r"\((?:\w+::)*Activation\)", "act ", name)
        out[mangled] = name.strip()
    return out


def resources(log):
    """What ptxas -v says, by mangled name."""
    out = {}
    for block in re.split(r"(?=ptxas info\s+: Compiling entry function)", log):
        name = re.search(r"Compiling entry function '(\w+)'", block)
        if not name:
            continue
        number = lambda pattern: int((re.search(pattern, block) or [0, 0])[1])
        out[name[1]] = {
            "registers": number(r"Used (\d+) registers"),
            "stack": number(r"(\d+) bytes stack frame"),
            "spills": number(r"(\d+) bytes spill stores") + number(r"(\d+) bytes spill loads"),
            "shared": number(r"(\d+) bytes smem"),
        }
    return out


def innermost(code):
    """Loops without a loop inside: (first, last) into the list of instructions."""
    place = {label: i for i, (label, _) in enumerate(code) if label}
    loops = []
    for i, (_, text) in enumerate(code):
        target = re.search(r"\bBRA(?:\.\w+)*\s+(?:!?U?P\w+,\s*)?`\((\.L_\w+)\)", text)
        if target and place.get(target[1], i + 1) <= i:
            loops.append((place[target[1]], i))
    # A branch to itself is the padding behind a kernel.
    loops = [l for l in loops if l[1] > l[0]]
    return [a for a in loops if not any(b != a and a[0] <= b[0] and b[1] <= a[1] for b in loops)]


def instructions(listing):
    """Counts from `nvdisasm -c`, by mangled name."""
    out = {}
    for part in re.split(r"^\s*\.section\s+\.text\.", listing, flags=re.M)[1:]:
        name = re.match(r"(\w+)", part)[1]
        code, label = [], None
        for line in part.splitlines():
            here = re.match(r"^(\.L_\w+):", line)
            if here:
                label = here[1]
            found = re.match(r"\s*/\*[0-9a-f]{4,}\*/\s+(.*?);", line)
            if found:
                code.append((label, found[1]))
                label = None
        text = [t for _, t in code]
        while text and re.search(r"\bNOP\b|\bBRA `\(\.L_\w+\)", text[-1]):
            text.pop()
        count = lambda pattern: sum(1 for t in text if re.search(pattern, t))
        exps = lambda loop: sum(1 for _, t in code[loop[0]:loop[1] + 1] if "MUFU.EX2" in t)
        # The work proper reads shared memory; loops that load from global memory only prepare it.
        fetches = lambda loop: any(re.search(r"\bLDG\b", t) for _, t in code[loop[0]:loop[1] + 1])
        best = max(innermost(code), key=lambda l: (exps(l) > 0 and not fetches(l), exps(l), l[1] - l[0]), default=None)
        sweeps = [(l[1] - l[0] + 1) / exps(l) for l in innermost(code) if exps(l) and not fetches(l)]
        out[name] = {
            "instructions": len(text),
            "loop": best[1] - best[0] + 1 if best else 0,
            "perExp": [round(x, 1) for x in sweeps],
            "loads": count(r"\bLDG\b"),
            "loads128": count(r"\bLDG\.E\.128|\bLDG\.E\S*\.128"),
            "stores128": count(r"\bSTG\.E\S*\.128|\bSTG\.E\.128"),
            "shuffles": count(r"\bSHFL\b"),
            "barriers": count(r"\bBAR\b"),
            "local": count(r"\bLDL\b|\bSTL\b"),
            "atomics": count(r"\bATOMG?\b|\bATOMS\b|\bRED\b|\bREDG\b"),
            "floatAtomics": count(r"\b(?:ATOMG?|ATOMS|REDG?)\S*(?:F16|F32|F64|BF16|\.FADD)"),
        }
    return out


def examine(nvcc, nvdisasm, file, arch, folder):
    cubin = os.path.join(folder, f"{os.path.basename(file)[:-3]}.sm_{arch}.cubin")
    command = [nvcc, "-std=c++20", "-O3", "-cubin", f"-arch=sm_{arch}", "-Xptxas=-v,-warn-spills", "-I", ROOT, file, "-o", cubin]
    made = subprocess.run(command, capture_output=True, text=True)
    if made.returncode != 0:
        raise SystemExit(f"{' '.join(command)}\n{made.stderr}")
    rows = resources(made.stdout + made.stderr)
    if nvdisasm:
        listing = subprocess.run([nvdisasm, "-c", cubin], capture_output=True, text=True, check=True).stdout
        for name, counts in instructions(listing).items():
            rows.setdefault(name, {}).update(counts)
    return [dict(row, file=os.path.basename(file), arch=arch, mangled=name) for name, row in rows.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--arch", nargs="+", help="compute capabilities, such as 80 90; all that we ship unless given")
    parser.add_argument("--file", nargs="+", help="kernel files, such as norm.cu; all unless given")
    parser.add_argument("--json", help="also write the rows to this file")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    arguments = parser.parse_args()
    nvcc, nvdisasm = tool("nvcc", "SERP_NVCC"), tool("nvdisasm", "SERP_NVDISASM")
    if not nvcc:
        print("The report needs nvcc of CUDA 12 or newer: not in PATH, CUDA_HOME or /usr/local/cuda.")
        return 2
    if not nvdisasm:
        print("nvdisasm is missing (package nvidia-cuda-nvdisasm, or SERP_NVDISASM=PATH): instructions are not counted and atomics not seen.\n")
    folder = os.path.join(ROOT, "build", "cuda_report")
    os.makedirs(folder, exist_ok=True)
    kernels = os.path.join(ROOT, "kernels", "cuda")
    files = [os.path.join(kernels, f) for f in sorted(os.listdir(kernels)) if f.endswith(".cu")]
    if arguments.file:
        files = [f for f in files if os.path.basename(f) in arguments.file]
    arches = arguments.arch or architectures(nvcc)
    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        jobs = [pool.submit(examine, nvcc, nvdisasm, f, a, folder) for f in files for a in arches]
        rows = [row for job in jobs for row in job.result()]
    names = readable(sorted({r["mangled"] for r in rows}))
    head = ["kernel", "sm", "regs", "spill", "stack", "shared", "instr", "loop", "per exp", "LDG", "LDG128", "STG128", "SHFL", "BAR", "ATOM"]
    table = []
    for row in sorted(rows, key=lambda r: (r["file"], names[r["mangled"]], int(r["arch"]))):
        get = lambda key: row.get(key, "-")
        row["kernel"] = names[row.pop("mangled")]
        per = " + ".join(str(x) for x in row["perExp"]) if row.get("perExp") else "-"
        table.append([f"{row['file']} {row['kernel']}", row["arch"], get("registers"), get("spills"), get("stack"), get("shared"),
                      get("instructions"), get("loop"), per, get("loads"), get("loads128"), get("stores128"), get("shuffles"),
                      get("barriers"), get("atomics")])
    widths = [max(len(str(r[i])) for r in table + [head]) for i in range(len(head))]
    for line in [head] + table:
        print("  ".join(str(c).ljust(w) if i == 0 else str(c).rjust(w) for i, (c, w) in enumerate(zip(line, widths))))
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as out:
            json.dump({"nvcc": nvcc, "nvdisasm": nvdisasm, "rows": rows}, out, indent=1)
    spilled = [r for r in rows if r.get("spills")]
    atomic = [r for r in rows if r.get("floatAtomics")]
    print(f"\n{len({r['kernel'] for r in rows})} kernels, {len(arches)} architectures, {len(rows)} compiled: {len(spilled)} spill, "
          + (f"{len(atomic)} use floating-point atomics." if nvdisasm else "atomics not looked for."))
    for r in spilled + atomic:
        print(f"  {r['kernel']} for sm_{r['arch']}")
    return 1 if spilled or atomic else 0


if __name__ == "__main__":
    sys.exit(main())
