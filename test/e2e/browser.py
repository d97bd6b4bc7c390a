"""A real browser for tests: Debian's chromium, headless, as people and their devices use it.

    with browsing("http://127.0.0.1:8432") as browser:      # scripts=False: without JavaScript
        browser.open("/sign-in")
        browser.fill("E-mail address", "ann@example.org")
        browser.press("Send the link")

What the browser has asked for and what it has complained of is checked when a
test ends (strangers, complaints).
"""
import json
import os
from contextlib import contextmanager
from urllib.parse import urlsplit

from harness import DEADLINE, wait_until
from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

DESKTOP = {"width": 1280, "height": 900, "deviceScaleFactor": 1, "mobile": False}
PHONE = {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
NO_SCRIPTS = {"profile.managed_default_content_settings.javascript": 2}


@contextmanager
def browsing(base, scripts=True):
    """A browser of its own, which finds no other host than this one."""
    options = Options()
    options.binary_location = "/usr/bin/chromium"
    for word in ("--headless=new", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-sync",
                 "--disable-extensions", "--lang=en-US", "--window-size=1280,900",
                 "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"):
        options.add_argument(word)
    if os.getuid() == 0:
        options.add_argument("--no-sandbox")
    if not scripts:
        options.add_experimental_option("prefs", NO_SCRIPTS)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(service=Service("/usr/bin/chromedriver"), options=options)
    try:
        driver.set_page_load_timeout(DEADLINE)
        yield Browser(driver, base)
    finally:
        driver.quit()


class Browser:
    def __init__(self, driver, base):
        self.driver, self.base = driver, base

    def reset(self):
        """As if it had just been installed: one empty tab, no cookie, a desktop's window."""
        self.driver.switch_to.new_window("tab")
        kept = self.driver.current_window_handle
        for handle in self.driver.window_handles:
            if handle != kept:
                self.driver.switch_to.window(handle)
                self.driver.close()
        self.driver.switch_to.window(kept)
        self.command("Network.clearBrowserCookies")
        self.shape(DESKTOP)
        self.dark(False)
        self.driver.get_log("browser"), self.driver.get_log("performance")

    def command(self, name, **arguments):
        return self.driver.execute_cdp_cmd(name, arguments)

    def shape(self, device):
        self.command("Emulation.setDeviceMetricsOverride", **device)
        self.command("Emulation.setTouchEmulationEnabled", enabled=device["mobile"])

    def dark(self, wanted=True):
        self.command("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": "dark" if wanted else "light"}])

    def run(self, script, *arguments):
        """What a script of the test's own returns in the page."""
        return self.driver.execute_script(script, *arguments)

    # Where it goes

    def open(self, link):
        self.driver.get(self.base + link if link.startswith("/") else link)
        return self

    def new_tab(self, link):
        """Open it in another tab; gives that tab."""
        self.driver.switch_to.new_window("tab")
        self.open(link)
        return self.driver.current_window_handle

    @property
    def tab(self):
        return self.driver.current_window_handle

    def switch(self, tab):
        self.driver.switch_to.window(tab)

    def back(self):
        self.driver.back()

    @property
    def path(self):
        return urlsplit(self.driver.current_url).path

    # What it shows

    def heading(self):
        return self.look(lambda: self.find("h1").text)

    def text(self):
        return self.look(lambda: self.find("body").text)

    def look(self, at):
        """What is to be seen, or "" while one page gives way to the next."""
        try:
            return at()
        except (NoSuchElementException, StaleElementReferenceException, WebDriverException):
            return ""

    def until(self, heading, *texts):
        """Wait for a page with this heading and these texts."""
        wait_until(lambda: self.heading() == heading and all(text in self.text() for text in texts),
                   describe=lambda: (self.heading(), self.text()))
        return self

    def find(self, selector):
        return self.driver.find_element(By.CSS_SELECTOR, selector)

    def by_id(self, name):
        return self.driver.find_element(By.ID, name)

    def all(self, selector):
        return self.driver.find_elements(By.CSS_SELECTOR, selector)

    def button(self, label):
        found, = [one for one in self.all("button") if one.is_displayed() and one.text == label]
        return found

    def buttons(self):
        return [one.text for one in self.all("main button") if one.is_displayed()]

    def field(self, label):
        """The field of a label, by its first words."""
        found = [one for one in self.all("label") if one.text.split(" (")[0] == label]
        assert len(found) == 1, (label, [one.text for one in self.all("label")])
        return self.by_id(found[0].get_attribute("for"))

    # What people do

    def fill(self, label, text):
        field = self.field(label)
        field.clear()
        field.send_keys(text)

    def press(self, label):
        self.button(label).click()

    def follow(self, text):
        self.driver.find_element(By.LINK_TEXT, text).click()

    def key(self, *keys):
        """Type into what has the focus."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def tab_key(self, back=False):
        self.key((Keys.SHIFT if back else "") + Keys.TAB)

    # What it has done

    def requests(self):
        """The addresses that it has asked since the last time."""
        found = []
        for entry in self.driver.get_log("performance"):
            message = json.loads(entry["message"])["message"]
            if message["method"] == "Network.requestWillBeSent" and not message["params"]["request"]["url"].startswith("data:"):
                found.append(message["params"]["request"]["url"])
        return found

    def strangers(self):
        """Those among them that are not of the gateway."""
        return [url for url in self.requests() if not url.startswith(self.base + "/")]

    def complaints(self):
        """What it says is wrong with pages; that one was refused by its status is no fault."""
        return [entry["message"] for entry in self.driver.get_log("browser")
                if "the server responded with a status of" not in entry["message"]]
