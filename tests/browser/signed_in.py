"""Somebody who is signed in to the console in a real Chromium, and what must hold on each of its pages."""

from playwright.sync_api import BrowserContext, Page, expect

CONTRAST = """
() => {
  const parse = (text) => (text.match(/[\\d.]+/g) || []).map(Number);
  const light = ([r, g, b]) => {
    const part = (value) => { value /= 255; return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4; };
    return 0.2126 * part(r) + 0.7152 * part(g) + 0.0722 * part(b);
  };
  const behind = (element) => {
    for (let at = element; at; at = at.parentElement) {
      const colour = parse(getComputedStyle(at).backgroundColor);
      if (colour.length === 3 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const found = [];
  while (walker.nextNode()) {
    const element = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest("svg, .unseen, .skip")) continue;
    const style = getComputedStyle(element);
    const [one, other] = [light(parse(style.color)), light(behind(element))].sort((a, b) => b - a);
    const ratio = (one + 0.05) / (other + 0.05);
    const large = parseFloat(style.fontSize) >= 24;
    if (ratio < (large ? 3 : 4.5)) found.push([walker.currentNode.textContent.trim(), ratio.toFixed(2), style.color]);
  }
  return found;
}
"""
"""Texts whose contrast is below WCAG 2.2 AA (1.4.3)."""
SMALL_TARGETS = """
() => [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")]
  .filter((each) => each.checkVisibility() && !each.closest("p, small, td, th, .unseen") && !each.matches(".skip"))
  .map((each) => [each.outerHTML.slice(0, 80), each.getBoundingClientRect()])
  .filter(([, box]) => box.width < 24 || box.height < 24)
  .map(([text]) => text)
"""
"""Things to press that are smaller than WCAG 2.2 AA wants (2.5.8); those within a sentence may be."""


class SignedIn:
    """A page of somebody who is signed in, which remembers what went wrong in it.

    Args:
        context: A window.
        url: Where the proxy is.
        token: The admin token.
    """

    def __init__(self, context: BrowserContext, url: str, token: str) -> None:
        self._context = context
        self._url = url
        self.page = context.new_page()
        self.complaints: list[str] = []
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("console", lambda message: self._note(message.text) if message.type == "error" else None)
        self.page.on("request", lambda request: None if request.url.startswith((url, "data:")) else self._note(request.url))
        page = self.open()
        page.get_by_label("Your name").fill("Ann Example")
        page.get_by_label("Admin token").fill(token)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Overview")

    def _note(self, text: str) -> None:
        if "422" not in text:  # Chromium tells of each answer that is an error
            self.complaints.append(text)

    def open(self, path: str = "") -> Page:
        self.page.goto(f"{self._url}/console{path}")
        return self.page

    def leave(self) -> None:
        self._context.close()
        assert self.complaints == []
