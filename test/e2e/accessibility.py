"""What is wrong with a page for those who see, hear or hold it differently: the rules
of WCAG 2.2 that can be told from the document and its computed styles."""

# Gives a list of texts, empty for a page without faults.
AUDIT = r"""
const faults = [], say = (what, node) => faults.push(what + (node ? ": " + node.outerHTML.slice(0, 120) : ""));
const all = (selector, within = document) => [...within.querySelectorAll(selector)];
const shown = node => node.checkVisibility({visibilityProperty: true}) && node.getClientRects().length > 0;
const name = node => (node.getAttribute("aria-label") || (node.getAttribute("aria-labelledby") || "").split(" ")
    .map(id => document.getElementById(id)?.textContent ?? "").join(" ") || [...(node.labels ?? [])]
    .map(label => label.textContent).join(" ") || node.textContent).trim();

// The document
if (!/^[a-z]{2}/.test(document.documentElement.lang)) say("no language");
if (!document.title.trim()) say("no title");
if (document.compatMode !== "CSS1Compat") say("quirks mode");
const viewport = document.querySelector("meta[name=viewport]")?.content ?? "";
if (!viewport.includes("width=device-width") || /user-scalable|maximum-scale/.test(viewport)) say("viewport " + viewport);
const ids = all("[id]").map(node => node.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) say("id twice: " + id);
for (const attribute of ["aria-labelledby", "aria-describedby", "for"])
    for (const node of all(`[${attribute}]`))
        for (const id of node.getAttribute(attribute).split(" "))
            if (!document.getElementById(id)) say(attribute + " names nothing", node);

// Landmarks and headings
if (all("main").length !== 1) say("not one main");
if (all("h1").length !== 1) say("not one h1");
let level = 0;
for (const heading of all("h1,h2,h3,h4,h5,h6").filter(shown)) {
    if (+heading.tagName[1] > level + 1) say("heading left out", heading);
    if (!heading.textContent.trim()) say("empty heading", heading);
    level = +heading.tagName[1];
}
for (const node of document.body.children)
    if (!["HEADER", "MAIN"].includes(node.tagName) && !node.matches("a.skip")) say("outside landmarks", node);
for (const node of all("nav, [role=region], main section"))
    if (!node.getAttribute("aria-label") && !document.getElementById(node.getAttribute("aria-labelledby"))?.textContent.trim()) say("landmark without a name", node);
const skip = document.body.firstElementChild;
if (!skip.matches("a[href='#main']") || !document.querySelector("#main")) say("no way past the header");

// What can be operated
for (const node of all("a[href], button, summary").filter(shown)) if (!name(node)) say("no name", node);
for (const node of all("input:not([type=hidden]), select, textarea")) {
    if (!node.labels.length || !name(node)) say("no label", node);
    if (!node.name) say("field without a name", node);
    if (node.getAttribute("aria-invalid") === "true" && !node.getAttribute("aria-describedby")) say("fault not told", node);
    if (parseFloat(getComputedStyle(node).fontSize) < 16) say("small letters in a field", node);
}
for (const node of all("input[type=radio], input[type=checkbox]")) {
    const group = node.closest("fieldset");
    if (all(`[name="${CSS.escape(node.name)}"]:not([type=hidden])`).length > 1 && !group?.querySelector("legend")?.textContent.trim())
        say("options without a legend", node);
}
for (const node of all("[tabindex]")) if (node.tabIndex > 0) say("tabindex", node);
for (const node of all("*").filter(shown)) {
    const style = getComputedStyle(node);
    if (/auto|scroll/.test(style.overflowX + style.overflowY) && node.tabIndex < 0 && !node.matches("html, body")
        && (node.scrollWidth > node.clientWidth + 1 || node.scrollHeight > node.clientHeight + 1)) say("scrolls, without keys", node);
}

// Structure
for (const node of all("ul > *, ol > *")) if (node.tagName !== "LI") say("no item of its list", node);
for (const node of all("li")) if (!node.parentElement.matches("ul, ol")) say("item without a list", node);
for (const node of all("dl > *")) if (!["DT", "DD"].includes(node.tagName)) say("no part of its list", node);
for (const node of all("th")) if (!node.scope) say("header of nothing", node);
for (const node of all("table")) if (!node.querySelector("th")) say("table without headers", node);
for (const node of all("[style], script, link, img, iframe, [onclick]")) say("not to be here", node);

// Contrast
const parse = colour => { const [r, g, b, a = 1] = colour.match(/[\d.]+/g).map(Number); return {r, g, b, a}; };
const over = (top, below) => Object.fromEntries(["r", "g", "b"].map(c => [c, top[c] * top.a + below[c] * (1 - top.a)]).concat([["a", 1]]));
const ground = node => {
    const layers = [];
    for (; node; node = node.parentElement) layers.push(parse(getComputedStyle(node).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), parse("rgb(255, 255, 255)"));
};
const light = ({r, g, b}) => [r, g, b].map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const contrast = (a, b) => { const [low, high] = [light(a), light(b)].sort((x, y) => x - y); return (high + 0.05) / (low + 0.05); };
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
let measured = 0;
while (walker.nextNode()) {
    const node = walker.currentNode.parentElement;
    if (!walker.currentNode.data.trim() || !shown(node) || node.closest(".skip")) continue;
    const style = getComputedStyle(node), size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5, below = ground(node);
    const got = contrast(over(parse(style.color), below), below);
    measured++;
    if (got < wanted) say(`contrast ${got.toFixed(2)}`, node);
}
if (!measured) say("no text");
for (const node of all("input:not([type=hidden], [type=checkbox], [type=radio]), select, textarea, main button:not(.quiet)").filter(shown)) {
    const style = getComputedStyle(node), below = ground(node.parentElement);
    const edge = Math.max(contrast(parse(style.borderTopColor), below), contrast(ground(node), below));
    if (edge < 3) say(`contrast of its edge ${edge.toFixed(2)}`, node);
    const text = contrast(parse(style.color), ground(node));
    if (text < 4.5) say(`contrast of what is typed ${text.toFixed(2)}`, node);
}
return faults;
"""

# On a touch screen.  Links in running text are as high as its lines.
TOUCH = r"""
const faults = [], say = (what, node) => faults.push(what + ": " + node.outerHTML.slice(0, 120));
const area = node => {
    const boxes = [node, ...(node.labels ?? [])].map(one => one.getBoundingClientRect());
    return [Math.max(...boxes.map(box => box.right)) - Math.min(...boxes.map(box => box.left)),
            Math.max(...boxes.map(box => box.bottom)) - Math.min(...boxes.map(box => box.top))];
};
for (const node of document.querySelectorAll("a[href], button, input:not([type=hidden]), select, textarea")) {
    if (!node.checkVisibility() || node.matches(".skip") || !node.getClientRects().length) continue;
    const within = node.parentElement.cloneNode(true);
    within.querySelector("a")?.remove();
    if (node.matches("a") && getComputedStyle(node).display === "inline" && within.textContent.trim()) continue;
    const [width, height] = area(node);
    if (width < 43.9 || height < 43.9) say(`${width.toFixed(0)} x ${height.toFixed(0)}`, node);
}
const page = document.scrollingElement;
if (page.scrollWidth > innerWidth || innerWidth > screen.width) faults.push(`wider than the screen: ${page.scrollWidth}`);
return faults;
"""

# What has the focus, and how that is seen: the width of its outline and its contrast.
FOCUS = r"""
const node = document.activeElement;
if (!node || node === document.body) return null;
const parse = colour => colour.match(/[\d.]+/g).map(Number);
const light = colour => parse(colour).slice(0, 3).map(c => c / 255).map(c => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
let below = node.parentElement;
while (below.parentElement && parse(getComputedStyle(below).backgroundColor)[3] === 0) below = below.parentElement;
const style = getComputedStyle(node), box = node.getBoundingClientRect();
const [low, high] = [light(style.outlineColor), light(getComputedStyle(below).backgroundColor)].sort((x, y) => x - y);
return {is: node.name || node.id || node.textContent.trim(), type: node.type ?? node.localName, value: node.value ?? "",
        outline: style.outlineStyle === "none" ? 0 : parseFloat(style.outlineWidth), contrast: (high + 0.05) / (low + 0.05),
        seen: box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth};
"""
