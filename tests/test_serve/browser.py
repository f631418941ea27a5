"""Control a headless Chromium by the WebDriver protocol of the W3C (JSON).

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
# By default, urllib would connect to the driver through a proxy.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def find_programs() -> tuple[str, str] | None:
    """Return the driver and the browser, or None if one is missing."""
    found = [
        next(filter(None, map(shutil.which, names)), None)
        for names in (DRIVERS, BROWSERS)
    ]
    return tuple(found) if all(found) else None


class Browser:
    """One window of a browser without a screen.

    Args:
        folder (Path): Folder for the profile and for saved files.
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
            flags.append('--no-sandbox')  # Chromium has no sandbox for root.
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
        """Send a command and return its value."""
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
        """Open a page."""
        self.call('url', dict(url=url))

    def find(self, css: str) -> str:
        """Return the path for the commands to an element."""
        how = dict(using='css selector', value=css)
        return 'element/' + self.call('element', how)[ELEMENT]

    def click(self, css: str) -> None:
        """Click on an element."""
        self.call(self.find(css) + '/click', {})

    def choose(self, css: str, path: Path) -> None:
        """Choose a file in an input element."""
        self.call(self.find(css) + '/value', dict(text=str(path)))

    def run(self, script: str, *arguments: object) -> Any:
        """Run JavaScript to its end and return its value."""
        return self.call('execute/sync', dict(script=script, args=arguments))

    def wait(self, script: str, seconds: float = 60) -> Any:
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not (value := self.run(f'return {script}')):
            if time.monotonic() > end:
                raise TimeoutError(f'{script} stays {value!r}')
            time.sleep(0.05)
        return value

    def tool(self, command: str, **parameters: object) -> Any:
        """Run a command of the Chrome DevTools Protocol."""
        return self.call('goog/cdp/execute', dict(cmd=command, params=dict(parameters)))

    def resize(self, width: int, height: int = 740, mobile: bool = False) -> None:
        """Set the size of the page in pixels."""
        self.tool(
            'Emulation.setDeviceMetricsOverride',
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=mobile,
        )

    def press(self, keys: str) -> None:
        """Press keys of the keyboard, one after the other."""
        actions = [
            dict(type=kind, value=key) for key in keys for kind in ('keyDown', 'keyUp')
        ]
        self.call('actions', dict(actions=[dict(type='key', id='k', actions=actions)]))

    def drag(self, start: tuple, end: tuple, pointer: str = 'mouse') -> None:
        """Press a pointer ('mouse' or 'touch') at one place and lift it at another.

        Args:
            start (tuple): (x, y) in pixels of the window.
            end (tuple): (x, y).
            pointer (str): Kind of the pointer.
        """
        middle = tuple((a + b) / 2 for a, b in zip(start, end, strict=True))
        moves = [
            dict(type='pointerMove', duration=20, x=round(x), y=round(y))
            for x, y in (start, middle, end)
        ]
        down, up = (dict(type=f'pointer{kind}', button=0) for kind in ('Down', 'Up'))
        source = dict(
            type='pointer',
            id=pointer,
            parameters=dict(pointerType=pointer),
            actions=[moves[0], down, *moves[1:], up],
        )
        self.call('actions', dict(actions=[source]))

    def log(self) -> list[dict]:
        """Return the lines of the console since the last call."""
        return self.call('se/log', dict(type='browser'))

    def close(self) -> None:
        """End the browser and the driver."""
        try:
            request = urllib.request.Request(self.url, method='DELETE')
            OPENER.open(request, timeout=30).close()
        finally:
            self.process.terminate()
            self.process.wait(10)
