"""Reading generated code: PTX and SASS texts written by hand, and faults that must be complained of."""

from __future__ import annotations

import itertools
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.fingerprint import assembly, bound, command, kernels, table

PTX = """
.version 8.7
.target sm_90a
.address_size 64
.visible .entry k(.param .u64 a, .param .u64 b)
{
  .reg .b32 %r<9>; .reg .f32 %f<9>; .reg .f64 %d<3>; .reg .b64 %rd<4>; .reg .pred %p<2>;
  ld.param.b64 %rd1, [a];
  ld.param.b64 %rd2, [b];
  mov.u32 %r1, %tid.x;
  setp.lt.s32 %p1, %r1, 64;
  mul.wide.s32 %rd3, %r1, 16;
  add.s64 %rd1, %rd1, %rd3;
  add.s64 %rd2, %rd2, %rd3;
  @%p1 ld.global.v4.b32 {%r2, %r3, %r4, %r5}, [%rd1];
  mov.b32 %f1, %r2;
  fma.rn.f32 %f2, %f1, %f1, %f1;
  BODY
  mov.b32 %r2, %f2;
  @%p1 st.global.v4.b32 [%rd2], {%r2, %r3, %r4, %r5};
  ret;
}
"""
FLOAT64 = "cvt.f64.f32 %d1, %f2;\n  add.rn.f64 %d2, %d1, %d1;\n  cvt.rn.f32.f64 %f2, %d2;"

needs_assembler = pytest.mark.skipif(
    assembly.tool("ptxas") is None or platform.machine() != "x86_64",
    reason="NVIDIA's assembler is not here: triton brings it on x86_64 Linux",
)


def row(**changes: Any) -> dict[str, Any]:
    made = {
        "direction": "forward",
        "function": "gem(n=1)",
        "n": 1,
        "dtype": "float32",
        "wide": False,
        "elements_per_thread": 8,
        "registers": 32,
        "spilled_bytes": 0,
        "stack_bytes": 0,
        "float64": 0,
        "load_bytes": 16,
        "store_bytes": 16,
        "ptx": {"fp32": 8},
        "sass": {"fp32": 8},
    }
    return {**made, **changes}


# --- PTX ------------------------------------------------------------------------------------------------


@needs_assembler
def test_a_kernel_is_described() -> None:
    found = assembly.describe(PTX.replace("BODY", ""), 90)
    assert (found["load_bytes"], found["store_bytes"], found["float64"]) == (16, 16, 0)
    assert (found["spilled_bytes"], found["stack_bytes"]) == (0, 0)
    assert 0 < found["registers"] < 64
    assert found["ptx"] == {
        "fp32": 1,
        "alu": 6,
        "multiply": 1,
        "load": 1,
        "store": 1,
        "constant": 2,
        "control": 1,
    }
    assert found["sass"]["load"] == found["sass"]["store"] == 1
    assert "fp64" not in found["sass"]


@needs_assembler
def test_float64_is_seen_in_ptx_and_machine_code() -> None:
    found = assembly.describe(PTX.replace("BODY", FLOAT64), 90)
    assert found["float64"] == 3
    assert found["sass"]["fp64"] == 1
    assert found["ptx"]["fp64"] == 1


@needs_assembler
def test_a_narrow_access_is_seen() -> None:
    narrow = PTX.replace("BODY", "ld.global.b32 %r3, [%rd1+512];")
    assert assembly.describe(narrow, 90)["load_bytes"] == 4


@needs_assembler
def test_code_that_the_assembler_refuses_is_no_crash() -> None:
    with pytest.raises(assembly.NoAssembler, match="ptxas refuses the code"):
        assembly.describe(PTX.replace("BODY", "frobnicate.f32 %f2;"), 90)


def test_a_missing_assembler_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(assembly, "tool", lambda _: None)
    with pytest.raises(assembly.NoAssembler, match="ptxas was not found"):
        assembly.describe(PTX, 90)


# --- SASS -----------------------------------------------------------------------------------------------

SASS = """
        /*0000*/                   LDC R1, c[0x0][0x28] ;      /* 0x00000a00ff017b82 */
                                                               /* 0x000fe20000000800 */
        /*0010*/               @P0 EXIT ;                      /* 0x000000000000094d */
        /*0020*/                   LDG.E.128 R4, desc[UR4][R2.64] ;
        /*0030*/                   FFMA.FTZ R4, R4, R5, R6 ;
        /*0040*/                   MUFU.RCP R7, R4 ;
        /*0050*/              @!P1 FSETP.GT.AND P2, PT, R4, R5, PT ;
        /*0060*/                   ULDC.64 UR4, c[0x0][0x208] ;
        /*0070*/                   QUUX R1 ;
        /*0080*/                   STG.E.128 desc[UR4][R2.64], R4 ;
        /*0090*/                   EXIT ;
        /*00a0*/                   DADD R2, R2, R4 ;
        /*00b0*/                   BRA 0xb0;
"""


def test_machine_code_is_read_up_to_the_end_of_the_kernel() -> None:
    found = assembly.counted(assembly.sass_instructions(SASS), assembly.KINDS)
    assert found == {
        "fp32": 1,
        "special": 1,
        "alu": 1,
        "load": 1,
        "store": 1,
        "constant": 1,
        "uniform": 1,
        "control": 2,
        "other": 1,
    }


# --- complaints -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"spilled_bytes": 24, "stack_bytes": 8}, "24 bytes spilled, 8 bytes of stack"),
        ({"float64": 2}, "2 instructions in float64"),
        ({"load_bytes": 4}, "load_bytes 4, not 16"),
        ({"store_bytes": 2}, "store_bytes 2, not 16"),
    ],
)
def test_faults_of_generated_code_are_complained_of(changes: dict[str, Any], complaint: str) -> None:
    assert table.complaints({"kernels": [row()]}) == []
    assert table.complaints({"kernels": [row(), row(**changes)]}) == [
        f"forward gem(n=1) float32: {complaint}"
    ]


def test_float64_may_use_float64() -> None:
    assert table.complaints({"kernels": [row(dtype="float64", float64=100)]}) == []


# --- what it predicts -----------------------------------------------------------------------------------


def test_a_kernel_that_hardly_computes_is_limited_by_memory() -> None:
    limit = bound.predict(row(sass={"fp32": 8, "load": 2, "store": 2}))
    assert limit is not None
    assert limit.limited_by == "memory"
    assert limit.memory == pytest.approx(8 / 3.35)  # two tensors of 4 bytes at 3.35 bytes a picosecond
    # 12 instructions, 8 elements a thread of 32, 132 * 4 schedulers at 1.7 a nanosecond.
    assert limit.arithmetic == pytest.approx(12 / 8 / 32 / (132 * 4 * 1.7e-3))


def test_a_kernel_that_computes_a_lot_is_limited_by_the_unit_it_uses_most() -> None:
    limit = bound.predict(row(dtype="float16", sass={"fp32": 100, "special": 100}))
    assert limit is not None
    assert (limit.limited_by, limit.unit) == ("arithmetic", "special")
    assert limit.load > 1
    assert bound.predict(row(sass=None)) is None


# --- the command ----------------------------------------------------------------------------------------


def test_the_command_prints_json_and_says_what_is_wrong(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)
    made = {"schema": 1, "architecture": 90, "triton": "3", "kernels": [row(spilled_bytes=8)]}
    monkeypatch.setattr(command, "fingerprint", lambda **_: made)
    assert command.main(["--json", "-"]) == 1
    said = capsys.readouterr()
    assert json.loads(said.out) == made
    assert said.err == "complaint: forward gem(n=1) float32: 8 bytes spilled, 0 bytes of stack\n"


def test_without_a_compiler_the_command_says_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TRITON_INTERPRET", raising=False)

    def refuse(**_: Any) -> None:
        raise kernels.CannotCompile("triton_fused cannot be imported here: no triton")

    monkeypatch.setattr(command, "fingerprint", refuse)
    assert command.main([]) == 2
    assert capsys.readouterr().err == "error: triton_fused cannot be imported here: no triton\n"


def test_where_triton_interprets_there_is_no_code_to_look_at() -> None:
    triton_fused = pytest.importorskip("gem_impls.impls.triton_fused", reason="triton or torch is missing")
    if not triton_fused.INTERPRETED:
        pytest.skip("triton compiles here")
    with pytest.raises(kernels.CannotCompile, match="imported with TRITON_INTERPRET=1"):
        table.fingerprint()


def test_it_can_be_asked_for_help_without_compiling_anything() -> None:
    line = [sys.executable, "-m", "benchmarks", "fingerprint", "--help"]
    done = subprocess.run(line, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "No GPU is needed" in " ".join(done.stdout.split())


# --- as history follows it ------------------------------------------------------------------------------


def test_history_follows_the_code_and_skips_what_it_cannot_compile(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.tracked.asv_code import Code

    rows = [row(function=f, direction=d, dtype=t, registers=40, sass={"fp32": 80, "load": 4})
            for f in ("gem(n=1)", "se-gem(n=3, eps=0.0001, negative_slope=0.01)")
            for d in ("forward", "backward")
            for t in ("float16", "bfloat16", "float32", "float64")]  # fmt: skip
    wide = row(wide=True, registers=99)
    monkeypatch.setattr(table, "fingerprint", lambda **_: {"kernels": [*rows, wide]})
    code = Code()
    found = code.setup_cache()
    assert isinstance(found, dict)
    for params in itertools.product(*code.params):
        code.setup(found, *params)
        assert code.track_instructions(found, *params) == 10.5
        assert (code.track_registers(found, *params), code.track_spilled(found, *params)) == (40, 0)

    def refuse(**_: Any) -> None:
        raise TypeError("constants() takes 1 positional argument")

    monkeypatch.setattr(table, "fingerprint", refuse)
    with pytest.raises(NotImplementedError, match="of this commit cannot be compiled here: TypeError"):
        code.setup(code.setup_cache(), "gem n=1", "float32", "forward")
