"""`sordino report`."""

import csv
import io
import json


def test_report(sordino, small_image, tmp_path):
    page, plain, table = (tmp_path / "deep" / name for name in ("r.html", "r.json", "r.csv"))
    result = sordino("report", small_image, "-o", page, "--json", plain, "--csv", table)
    assert result.code == 0
    assert result.out.count(" bytes\n") == 3
    report = json.loads(plain.read_text())
    info = sordino("info", small_image, "--json").json()
    assert info.pop("warnings") == []
    assert {name: report[name] for name in info} == info | {"image": small_image.name}
    rows = list(csv.DictReader(io.StringIO(table.read_text())))
    assert [row["name"] for row in rows] == [m["name"] for m in report["weight_matrices"]]
    assert {row["limiter"] for row in rows} <= {"lanes", "stream", "cell", "table", "control"}
    assert report["speech"]["seconds"] == 9.99
    factor = report["speech"]["cycles"] / report["config"]["clock_hz"] / 9.99
    assert report["speech"]["real_time_factor"] == factor
    assert report["host_work"]["bus_bytes"] == 4 * (30 * 100 / 3 + 10)
    text = page.read_text()
    assert all(row["name"] in text for row in rows)


def test_report_of_two_images_and_a_clock(sordino, small_image, tmp_path):
    other = tmp_path / "other.sordino"
    other.write_bytes(small_image.read_bytes())
    page, plain, table = (tmp_path / name for name in ("r.html", "r.json", "r.csv"))
    arguments = ("--compare", other, "--clock", "10MHz", "--json", plain, "--csv", table)
    assert sordino("report", small_image, "-o", page, *arguments).code == 0
    report = json.loads(plain.read_text())
    assert report["speech"]["clock_hz"] == report["other"]["speech"]["clock_hz"] == 10_000_000
    assert {d["ratio"] for d in report["differences"]} <= {1.0, None}
    images = {row["image"] for row in csv.DictReader(io.StringIO(table.read_text()))}
    assert images == {small_image.name, "other.sordino"}
    assert "Beside other.sordino" in page.read_text()


def test_nothing_is_written_of_a_bad_image(sordino, small_image, tmp_path):
    bad, page = tmp_path / "bad.sordino", tmp_path / "r.html"
    bad.write_bytes(small_image.read_bytes()[:-1])
    sordino("report", small_image, "--compare", bad, "-o", page).complaint()
    assert list(tmp_path.iterdir()) == [bad]


def test_more_tokens_than_frames_have_room_for(sordino, small_image, tmp_path):
    result = sordino("report", small_image, "-o", tmp_path / "r.html", "--tokens", "1000")
    assert "wanted at most 999 tokens in 333 input vectors" in result.complaint()
