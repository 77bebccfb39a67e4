"""Chromium, as people look at the page with it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from tests.clusters.requirement import TOOLS_VARIABLE, tool

#: It runs as root in a container, and looks for nothing in the Internet.
_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

_AXE = Path(__file__).parents[2] / ".tools/axe.min.js"

DESKTOP = (1280, 900)
PHONE = (390, 844)


@asynccontextmanager
async def browsing() -> AsyncIterator[Browser]:
    """Run a browser."""
    chromium = tool("chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def looking_at(
    browser: Browser, address: str, *, troubles: list[str] | None = None
) -> AsyncIterator[Page]:
    """Open the page; what its scripts and its policy complain of goes into `troubles`."""
    width, height = DESKTOP
    context = await browser.new_context(viewport={"width": width, "height": height})
    page = await context.new_page()
    told = troubles if troubles is not None else []
    page.on("console", lambda line: told.append(line.text) if line.type == "error" else None)
    page.on("pageerror", lambda error: told.append(str(error)))
    try:
        await page.goto(address)
        yield page
    finally:
        await context.close()


async def barriers(page: Page) -> list[str]:
    """Ask axe-core what keeps people from using the page (WCAG 2.2 AA).

    The test is skipped where axe is missing, but not in CI.
    """
    if not _AXE.is_file():
        reason = f"{_AXE.name} is not there; .ci/tools fetches it"
        if os.environ.get(TOOLS_VARIABLE) == "1":
            pytest.fail(f"{reason} ({TOOLS_VARIABLE}=1 forbids skipping)", pytrace=False)
        pytest.skip(reason)
    await page.evaluate(_AXE.read_text())
    found = await page.evaluate(
        "axe.run(document, {runOnly: "
        "['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"
    )
    return [
        f"{one['id']}: {node['html'][:120]}" for one in found["violations"] for node in one["nodes"]
    ]
