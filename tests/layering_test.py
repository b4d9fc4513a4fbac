#!/usr/bin/env python3
"""Checks that includes point from upper layers to lower ones only, and that sources stay within the house's bounds.

Usage: layering_test.py ROOT
"""
import pathlib
import re
import sys
import tempfile

NODE = {"engine", "cluster", "network", "storage", "kubelet"}
LAYERS = {  # layer -> what it may include besides itself
    "engine": set(),
    "cluster": {"engine"},
    "network": {"engine", "cluster"},
    "storage": {"engine", "cluster"},
    "kubelet": {"engine", "cluster", "network"},
    "traffic": {"engine", "cluster"},
    "controllers": {"engine", "cluster"},
    "policies": NODE,
    "workloads": NODE | {"traffic"},
    "results": {"engine", "cluster"},
    "simulation": NODE | {"traffic", "controllers", "policies", "workloads", "results"},
    "main": NODE | {"traffic", "controllers", "policies", "workloads", "results", "simulation"},
}
FOLDERS = ("engine", "cluster", "network", "storage", "kubelet", "traffic", "controllers")


def layer_of(path):
    parts = pathlib.PurePosixPath(path).parts
    if parts[0] in ("policies", "workloads", "results"):
        return parts[0]
    if parts[0] == "sim":
        if parts[1] in FOLDERS:
            return parts[1]
        return "main" if parts[1] in ("cli", "main.cpp") else "simulation"
    return None


def check(root):
    problems = []
    files = [p for folder in ("sim", "policies", "workloads", "results") for p in sorted((root / folder).rglob("*.[ch]pp"))]
    if len(files) < 50:
        problems.append(f"only {len(files)} sources below {root}: wrong folder?")
    for file in files:
        name = file.relative_to(root).as_posix()
        layer = layer_of(name)
        text = file.read_text(encoding="utf-8")
        for number, line in enumerate(text.splitlines(), 1):
            included = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
            if not included or included[1].endswith(".pb.h"):
                continue
            target = layer_of(included[1]) if "/" in included[1] else None
            if target is None:
                problems.append(f"{name}:{number}: include \"{included[1]}\" is not from the root of the project")
            elif target != layer and target not in LAYERS[layer]:
                problems.append(f"{name}:{number}: {layer} includes {target} ({included[1]})")
        if file.suffix == ".hpp" and "#pragma once" not in text:
            problems.append(f"{name}: no #pragma once")
    return problems


def self_test():
    assert layer_of("sim/engine/time.hpp") == "engine"
    assert layer_of("sim/study.cpp") == "simulation"
    assert layer_of("sim/cli/run.cpp") == "main"
    with tempfile.TemporaryDirectory() as folder:  # The check can fail: one include the wrong way, one not from the root.
        root = pathlib.Path(folder)
        (root / "workloads").mkdir()
        (root / "workloads/a.hpp").write_text('#pragma once\n#include "results/table.hpp"\n#include "b.hpp"\n')
        found = [p for p in check(root) if p.startswith("workloads/a.hpp")]
        assert len(found) == 2, found


if __name__ == "__main__":
    self_test()
    found = check(pathlib.Path(sys.argv[1]))
    print("\n".join(found) or "includes point the right way")
    sys.exit(1 if found else 0)
