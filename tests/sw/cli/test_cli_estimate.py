"""`sordino estimate`."""

import pytest


def test_estimate_of_an_image(sordino, small_image):
    found = sordino("estimate", small_image, "--json").json()
    info = sordino("info", small_image, "--json").json()
    assert found["cycles"] == info["cycles"]
    assert found["bytes"] == info["bytes"]
    assert found["config"] == info["config"]
    text = sordino("estimate", small_image, "--clock", "1MHz").out
    assert f"{found['cycles']['frame']['best']:,} to {found['cycles']['frame']['worst']:,}" in text
    assert f"±{found['luts']['error']:.1%}" in text
    assert "real-time factor at 1 MHz" in text
    assert "ECP5-25" in text


def test_estimate_of_a_model_is_that_of_its_image(sordino, small_model, small_image):
    options = ("--config", "tiny", "--weight-bits", 5, "--json")
    of_model = sordino("estimate", small_model, *options).json()
    of_image = sordino("estimate", small_image, "--json").json()
    assert of_model | {"model": ""} == of_image | {"model": ""}
    needed = sordino("estimate", small_model, *options, "--memory", "needed").json()
    assert needed["cycles"] == of_image["cycles"]
    assert sum(needed["memory_bits"].values()) < sum(of_image["memory_bits"].values())


def test_estimate_of_a_machine_that_streams(sordino, small_model):
    options = ("--config", "tiny", "--set", "stream_bus=64", "--memory", "needed")
    text = sordino("estimate", small_model, *options).out
    assert "without what streams weights" in text
    assert "external directory" in text


@pytest.mark.parametrize("option", [("--set", "lanes=8"), ("--weight-bits", 5), ("--sparsity", 1)])
def test_options_that_an_image_has_decided(sordino, small_image, option):
    complaint = sordino("estimate", small_image, *option).complaint()
    assert f"wanted a model to use {option[0]} on, got an image" in complaint


def test_estimate_of_a_model_that_does_not_fit(sordino, small_model):
    complaint = sordino("estimate", small_model, "--set", "lane_words=8").complaint()
    assert "does not fit" in complaint
    assert "raise lane_words" in complaint


def test_estimate_of_an_image_that_is_not_there(sordino, tmp_path):
    complaint = sordino("estimate", tmp_path / "none.sordino").complaint()
    assert f"{tmp_path / 'none.sordino'}: No such file" in complaint
