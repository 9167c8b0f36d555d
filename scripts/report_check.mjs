#!/usr/bin/env node
// Opens reports in headless Chromium and holds them against what they promise: no request to the network, nothing on the console, no
// sideways scroll at 1280, 768 and 390 pixels, the same text without JavaScript, and no violation of WCAG 2.2 AA that axe-core finds,
// in light and dark, with every fold open. With --out DIR it also leaves screenshots and a PDF to look at.
//
//   npm install --no-save axe-core playwright-core
//   node scripts/report_check.mjs [--out DIR] reports/marketplace/latest.html reports/marketplace/index.html
//
// Chromium is taken from CHROMIUM, else /usr/bin/chromium. Exit code 1 when something is wrong.

import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const require = createRequire(join(process.cwd(), "package.json"));
const { chromium } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const given = process.argv.slice(2);
const at = given.indexOf("--out");
const out = at < 0 ? null : given.splice(at, 2)[1];
if (given.length === 0) {
  console.error("usage: report_check.mjs [--out DIR] PAGE…");
  process.exit(2);
}
if (out) mkdirSync(out, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});
let wrong = 0;
const text = page => page.evaluate(() => document.body.innerText.replace(/\s+/g, " ").trim());
const open = page => page.evaluate(() => document.querySelectorAll("details").forEach(fold => { fold.open = true; }));

for (const file of given) {
  const address = pathToFileURL(resolve(file)).href;
  const name = basename(file, ".html");
  const complain = what => { wrong += 1; console.log(`${file}: ${what}`); };
  let withScript = "";
  let passes = 0;
  for (const width of [1280, 768, 390]) {
    for (const colorScheme of ["light", "dark"]) {
      const context = await browser.newContext({ viewport: { width, height: 900 }, colorScheme });
      const page = await context.newPage();
      page.on("console", message => ["error", "warning"].includes(message.type()) && complain(`console: ${message.text()}`));
      page.on("pageerror", error => complain(`script: ${error}`));
      page.on("request", request => request.url() !== address && complain(`request: ${request.url()}`));
      await page.goto(address);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) complain(`${wide} pixels wide at ${width}`);
      if (out) {
        const screen = async (part, clip) => page.screenshot({ path: join(out, `${name}-${width}-${colorScheme}${part}.png`), ...clip });
        await screen("", { fullPage: false });
        if (colorScheme === "light") await screen("-all", { fullPage: true });
      }
      await open(page);
      if (width === 1280) withScript = await text(page);
      // Contrast does not depend on the width; names, roles and order are looked at on the widest and the narrowest page.
      if (width !== 768) {
        const found = await page.evaluate(`${axe}; axe.run(document, { resultTypes: ["violations"] })`);
        passes += found.passes.length;
        for (const rule of found.violations) {
          complain(`${width} ${colorScheme}: ${rule.id} (${rule.nodes.length}): ${rule.help}: ${rule.nodes[0].html.slice(0, 160)}`);
        }
      }
      await context.close();
    }
  }
  const plain = await browser.newContext({ viewport: { width: 1280, height: 900 }, javaScriptEnabled: false });
  const page = await plain.newPage();
  await page.goto(address);
  if (out) await page.pdf({ path: join(out, `${name}.pdf`), preferCSSPageSize: true });
  await plain.close();
  // The same file without its script, its folds open: scripts off must not change a word.
  const bare = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  const copy = await bare.newPage();
  const html = readFileSync(file, "utf8");
  await copy.setContent(html.replace(/<script>[\s\S]*?<\/script>/, ""));
  await open(copy);
  if (await text(copy) !== withScript) complain("other text without JavaScript");
  await bare.close();
  if (passes === 0) complain("axe-core looked at nothing");
  console.log(`${file}: ${Math.round(html.length / 1000)} kB, ${passes} rules of axe-core passed`);
}
await browser.close();
console.log(wrong === 0 ? "nothing is wrong" : `${wrong} thing(s) wrong`);
process.exit(wrong === 0 ? 0 : 1);
