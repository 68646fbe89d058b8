// Visits web pages with Chromium, as a person would who types the server's
// address and presses the button, and tells what the page showed and what the
// browser sent. The argument is the path of a JSON file:
//
//   {"chromium": path, "visits": [{"page": URL, "server": URL, "token": text}]}
//
// Standard output: for each visit {"steps", "state", "result", "console",
// "requests"}; network.mjs says what a request is.
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { chromium } from 'playwright-core';
import { Network } from './network.mjs';

const patience = 60_000; // milliseconds: the machine may be busy

async function visit(browser, { page: url, server, token }) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    const network = new Network();
    const console = [];
    page.on('console', (message) => console.push(message.text()));
    page.on('pageerror', (err) => console.push(String(err)));
    await network.watch(context, page);
    await page.goto(url, { timeout: patience });
    const inner = await page.$('iframe');
    const frame = inner ? await inner.contentFrame() : page.mainFrame();
    if (inner) await network.watch(context, frame);
    await frame.fill('[name=server]', server, { timeout: patience });
    await frame.fill('[name=token]', token ?? '');
    await frame.click('button');
    // The page may go to the authorization server and come back in between. A gateway that
    // stands for one asks the person, who agrees.
    page.waitForSelector('button[value=agree]', { timeout: patience }).then((button) => button.click()).catch(() => {});
    try {
      await frame.waitForSelector('#result[data-state]', { timeout: patience });
    } catch (err) {
      const shown = [frame.url(), await frame.innerText('body'), ...console, JSON.stringify(network.requests(), null, 1)];
      throw new Error(`the page came to no result\n${shown.join('\n')}`, { cause: err });
    }
    for (const end = Date.now() + patience; !network.settled() && Date.now() < end;) await setTimeout(20);
    return {
      steps: await frame.$$eval('#steps li', (items) => items.map((item) => item.textContent)),
      state: await frame.getAttribute('#result', 'data-state'),
      result: await frame.textContent('#result'),
      console,
      requests: network.requests(),
    };
  } finally {
    await context.close();
  }
}

const { chromium: executablePath, visits } = JSON.parse(readFileSync(process.argv[2]));
// Chromium's own sandbox does not work for root; the pages are ours.
const browser = await chromium.launch({ executablePath, chromiumSandbox: false, timeout: patience });
try {
  const seen = [];
  for (const v of visits) seen.push(await visit(browser, v));
  console.log(JSON.stringify(seen));
} finally {
  await browser.close();
}
