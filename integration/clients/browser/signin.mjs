// Opens an authorization URL in Chromium and does what a person does: enters names and
// passwords, and presses the button that agrees, until the browser is sent back to the
// client. Standard input: {"chromium": path, "url": URL, "until": beginning of the client's
// redirect URI, "fields": what to enter, by the names of the fields; a button is a field}.
// Standard output: the URL that the browser was sent back to.
import { text } from 'node:stream/consumers';
import { chromium } from 'playwright-core';

const patience = 60_000; // milliseconds: the machine may be busy
const { chromium: executablePath, url, until, fields } = JSON.parse(await text(process.stdin));

// Chromium's own sandbox does not work for root; the pages are ours.
const browser = await chromium.launch({ executablePath, chromiumSandbox: false, timeout: patience });
try {
  const page = await browser.newPage();
  // Nobody listens at the redirect URI. Chromium asks for it all the same.
  const back = new Promise((resolve) => {
    page.on('request', (request) => {
      if (request.isNavigationRequest() && request.url().startsWith(until)) resolve(request.url());
    });
  });
  const signIn = async () => {
    await page.goto(url, { timeout: patience }).catch(() => {});
    for (let pages = 0; pages < 6; pages++) {
      const button = page.locator('button[value=agree], form [type=submit], form button:not([type])').first();
      await button.waitFor({ timeout: patience });
      const shown = page.url();
      let pressed = button;
      for (const [name, value] of Object.entries(fields)) {
        const field = page.locator(`[name="${name}"]`);
        if (await field.count() === 0) continue;
        if (['submit', 'button'].includes(await field.first().evaluate((e) => e.type))) pressed = field.first();
        else await field.first().fill(value);
      }
      const left = page.waitForNavigation({ timeout: patience }).catch(() => {});
      await pressed.click();
      await left;
      if (process.env.DEBUG) console.error(shown, '->', page.url());
    }
    throw new Error(`no end of pages at ${page.url()}`);
  };
  const failed = signIn().then(() => {}, (err) => { throw err; });
  console.log(await Promise.race([back, failed.then(() => back)]));
} finally {
  await browser.close();
}
