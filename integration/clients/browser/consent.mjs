// Goes through the page on which a gateway asks about a client, with Chromium, as people
// and attackers would. The argument is the path of a JSON file:
//
//   {"chromium": path, "steps": [{"browser": name, "url": URL, …}, …]}
//
// Steps of one browser name share its cookies. A step opens a URL, or sends a form to it, as
// a page of another site does:
//
//   "dark", "width"  the setting and the width of the window; light and 1280 by default
//   "form"           {"from": URL of a page, "fields": {name: value}}: that page sends the form
//   "frame"          URL of a page that shows the URL in a frame
//   "keys"           keys to press, one after the other
//
// Standard output: for each step {"url": where it ends, "status", "title", "heading",
// "text": of the page, "request": the sealed request in the form, "buttons": [name as a
// screen reader says it], "focused": the text of what has the focus after the keys,
// "scrolls": whether the page is wider than the window, "contrast": the least contrast of
// texts, "scripts": elements that run or load something, "console", "requests": URLs asked
// for}.
import { readFileSync } from 'node:fs';
import { chromium } from 'playwright-core';

const patience = 60_000;

// look returns what the page itself can tell; it runs in the page, past its policy.
function look() {
  const luminance = (color) => {
    const [r, g, b] = color.match(/[\d.]+/g).map(Number).map((c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const background = (element) => {
    for (; element; element = element.parentElement) {
      const color = getComputedStyle(element).backgroundColor;
      if (!/, 0\)$/.test(color)) return color;
    }
    return 'rgb(255, 255, 255)';
  };
  let contrast = 21;
  for (const element of document.querySelectorAll('body *')) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim())) continue;
    const [high, low] = [luminance(getComputedStyle(element).color), luminance(background(element))].sort((a, b) => b - a);
    contrast = Math.min(contrast, (high + 0.05) / (low + 0.05));
  }
  return {
    title: document.title,
    heading: document.querySelector('h1')?.textContent ?? '',
    text: document.body.innerText,
    request: document.querySelector('[name=request]')?.value ?? '',
    focused: document.activeElement.textContent,
    scrolls: document.documentElement.scrollWidth > innerWidth,
    contrast,
    scripts: [...document.querySelectorAll('script, iframe, object, embed, [src^=http], [onclick], [onload], [onerror]')].map((e) => e.outerHTML),
  };
}

async function step(context, { url, dark, width = 1280, form, frame, keys = [] }) {
  const page = await context.newPage();
  try {
    await page.setViewportSize({ width, height: 900 });
    await page.emulateMedia({ colorScheme: dark ? 'dark' : 'light' });
    const console = [], requests = [];
    page.on('console', (message) => console.push(message.text()));
    page.on('request', (request) => requests.push(request.url()));
    page.on('response', (response) => { if (response.frame() === page.mainFrame() && response.request().isNavigationRequest()) status = response.status(); });
    let status = 0;
    if (form) {
      await page.goto(form.from, { timeout: patience });
      await Promise.all([page.waitForURL((to) => to.href !== form.from, { timeout: patience }), page.evaluate(({ url, fields }) => {
        const f = document.body.appendChild(document.createElement('form'));
        Object.assign(f, { method: 'post', action: url });
        for (const [name, value] of Object.entries(fields)) Object.assign(f.appendChild(document.createElement('input')), { name, value });
        f.submit();
      }, { url, fields: form.fields })]);
    } else {
      await page.goto(frame ? `${frame}?${new URLSearchParams({ url })}` : url, { timeout: patience });
    }
    const buttons = [];
    for (const button of await page.getByRole('button').all()) buttons.push((await button.textContent()).trim());
    for (const key of keys) {
      if (key === 'Enter') {
        const before = page.url();
        await Promise.all([page.waitForURL((to) => to.href !== before, { timeout: patience }), page.keyboard.press(key)]);
      } else {
        await page.keyboard.press(key);
      }
    }
    await page.waitForLoadState('load', { timeout: patience });
    const inner = frame ? page.frames().at(-1).url() : undefined;
    return { url: page.url(), status, buttons, console, requests, inner, ...await page.evaluate(look) };
  } finally {
    await page.close();
  }
}

const { chromium: executablePath, steps } = JSON.parse(readFileSync(process.argv[2]));
// Chromium's own sandbox does not work for root; the pages are ours.
const browser = await chromium.launch({ executablePath, chromiumSandbox: false, timeout: patience });
try {
  const contexts = new Map(), seen = [];
  for (const s of steps) {
    if (!contexts.has(s.browser)) contexts.set(s.browser, await browser.newContext());
    seen.push(await step(contexts.get(s.browser), s));
  }
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
