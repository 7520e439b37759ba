"""Text as other tools write it."""

import pytest

from sordino.errors import InputError
from sordino.files import decode_text, read_lines, read_text, text_lines


def test_a_byte_order_mark_is_no_text(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"\xef\xbb\xbfYES NO\r\nNO YES\n")
    assert text_lines(read_text(path, "transcripts")) == ["YES NO", "NO YES"]


def test_only_line_feeds_end_lines():
    text = "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh\n\ni"
    assert text_lines(text) == ["a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\rh", "", "i"]


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\xff\xfeY\0", "UTF-16"),
        (b"\xfe\xff\0Y", "UTF-16"),
        ("Y".encode("utf-32"), "UTF-32"),
        (b"\0\0\xfe\xff\0\0\0Y", "UTF-32"),
        ("\nY\n".encode("utf-16-le"), "a zero byte in line 2, as UTF-16 and binary"),
        ("YES\nNO\n".encode("utf-16-be"), "a zero byte in line 1"),
        (b"YES\nNO\0\n", "a zero byte in line 2"),
        (b"a\nb\xe9\n", "0xe9 in line 2"),
    ],
)
def test_other_encodings_are_refused(data, said):
    with pytest.raises(InputError, match=said):
        decode_text(data, "a list")


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"cannot read a list .*none.txt: No such file"):
        read_text(tmp_path / "none.txt", "a list")


def test_carriage_returns_alone_do_not_end_lines(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"YES\r\nNO\rYES\n")
    with pytest.raises(InputError, match="carriage return inside line 2"):
        read_lines(path, "a list")
    path.write_bytes(b"YES\r\n\r\nNO")
    assert read_lines(path, "a list") == ["YES", "", "NO"]
