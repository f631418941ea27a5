"""A headless Chromium by the W3C's WebDriver protocol, which is json.

Debian: ``apt-get install chromium chromium-driver``.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

DRIVERS = ('chromedriver',)
BROWSERS = ('chromium', 'chromium-browser', 'google-chrome')
ELEMENT = 'element-6066-11e4-a52e-4f735466cecf'  # section 12 of the standard
FLAGS = (
    '--headless',
    '--disable-gpu',
    '--disable-quic',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
)
# urllib would ask a proxy for the driver
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def find_programs() -> tuple[str, str] | None:
    """Return driver and browser, or None where one is missing."""
    found = [
        next(filter(None, map(shutil.which, names)), None)
        for names in (DRIVERS, BROWSERS)
    ]
    return tuple(found) if all(found) else None


class Browser:
    """One window, without a screen.

    Args:
        folder (Path): For its profile and what it saves.
    """

    def __init__(self, folder: Path) -> None:
        driver, program = find_programs()
        with socket.create_server(('127.0.0.1', 0)) as free:
            port = free.getsockname()[1]
        self.folder = folder
        self.url = f'http://127.0.0.1:{port}'
        self.process = subprocess.Popen(
            [driver, f'--port={port}'],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        flags = [*FLAGS, f'--user-data-dir={folder / "profile"}']
        if os.geteuid() == 0:
            flags.append('--no-sandbox')  # root has none
        options = {
            'goog:chromeOptions': dict(
                binary=program,
                args=flags,
                prefs={'download.default_directory': str(folder)},
            ),
            'goog:loggingPrefs': dict(browser='ALL'),
        }
        try:
            self._wait_for_driver()
            capabilities = dict(alwaysMatch=options)
            made = self.call('session', dict(capabilities=capabilities))
        except BaseException:
            self.process.kill()
            raise
        self.url += f'/session/{made["sessionId"]}'

    def _wait_for_driver(self) -> None:
        """Wait until the driver listens."""
        for _ in range(600):
            try:
                if self.call('status')['ready']:
                    break
            except OSError:
                time.sleep(0.05)

    def call(self, path: str, content: dict | None = None) -> Any:
        """Send a command; return its value."""
        request = urllib.request.Request(
            f'{self.url}/{path}',
            None if content is None else json.dumps(content).encode(),
            {'Content-Type': 'application/json'},
        )
        try:
            with OPENER.open(request, timeout=120) as answer:
                return json.load(answer)['value']
        except urllib.error.HTTPError as error:
            raise RuntimeError(error.read().decode()) from error

    def open(self, url: str) -> None:
        """Go to a page."""
        self.call('url', dict(url=url))

    def find(self, css: str) -> str:
        """Return the path of commands for an element."""
        how = dict(using='css selector', value=css)
        return 'element/' + self.call('element', how)[ELEMENT]

    def click(self, css: str) -> None:
        """Click on an element."""
        self.call(self.find(css) + '/click', {})

    def choose(self, css: str, path: Path) -> None:
        """Choose a file."""
        self.call(self.find(css) + '/value', dict(text=str(path)))

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript, wait for it, return its value."""
        return self.call('execute/sync', dict(script=script, args=arguments))

    def wait(self, script: str, seconds: float = 60) -> Any:
        """Wait until an expression of JavaScript is true."""
        end = time.monotonic() + seconds
        while not (value := self.run(f'return {script}')):
            if time.monotonic() > end:
                raise TimeoutError(f'{script} stays {value!r}')
            time.sleep(0.05)
        return value

    def log(self) -> list[dict]:
        """Return the console's lines since the last call."""
        return self.call('se/log', dict(type='browser'))

    def close(self) -> None:
        """End browser and driver."""
        try:
            request = urllib.request.Request(self.url, method='DELETE')
            OPENER.open(request, timeout=30).close()
        finally:
            self.process.terminate()
            self.process.wait(10)
