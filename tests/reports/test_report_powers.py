from reports.powers import power, superscript


def test_powers_are_written_with_raised_digits():
    assert power(2, 20) == "2²⁰"
    assert power(10, -6) == "10⁻⁶"


def test_carets_in_text_become_raised_digits():
    assert superscript("2^8 to 2^20, 10^-3") == "2⁸ to 2²⁰, 10⁻³"
    assert superscript("x^2, 2^n") == "x^2, 2^n", "only numbers"
