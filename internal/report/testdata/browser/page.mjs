// Opens a page of the gate and prints what is wrong with it, a line for each fault.
import {chromium} from 'playwright-core'
import fs from 'node:fs'

const [, , page] = process.argv, address = 'file://' + page
const patient = 300_000 // milliseconds: a busy machine takes its time
const browser = await chromium.launch({
  timeout: patient,
  executablePath: process.env.EXAMPLE_CHROMIUM,
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
})
const is = (what, got, want) => got === want || console.log(`${what}: ${JSON.stringify(got)}, want ${JSON.stringify(want)}`)

for (const colorScheme of ['light', 'dark']) {
  const context = await browser.newContext({colorScheme})
  context.setDefaultTimeout(patient)
  const tab = await context.newPage()
  tab.on('console', m => console.log(`console: ${m.text()}`))
  tab.on('pageerror', e => console.log(`error: ${e.message}`))
  tab.on('request', r => r.url().startsWith(address) || r.url().startsWith('data:image/') || console.log(`it loads ${r.url()}`))
  await tab.goto(address)
  is('rows that show before the table is opened', await tab.locator('#all tbody tr:visible').count(), 0)
  await tab.locator('summary', {hasText: /^All /}).click()
  is('all', await tab.textContent('#shown'), '2003 of 2003 match, 500 shown')
  await tab.locator('#more').click()
  is('rows after "show all"', await tab.locator('#all tbody tr:visible').count(), 2003)
  await tab.selectOption('select[data-key=outcome]', 'failed')
  is('failed', await tab.textContent('#shown'), '3 of 2003 match')
  await tab.fill('#q', 'TOTAL wrong')
  is('search', await tab.textContent('#shown'), '1 of 2003 match')
  is('address', new URL(tab.url()).hash, '#q=TOTAL+wrong&outcome=failed')
  is('one owner is no choice', await tab.locator('select[data-key=journey]').isVisible(), false)

  // Somebody else opens the address.
  const other = await context.newPage()
  await other.goto(tab.url())
  is('state of an address', await other.textContent('#shown'), '1 of 2003 match')
  await other.locator('#all tbody tr:visible a').click()
  is('details of a test', await other.locator('h3:target').isVisible(), true)
  is('width of a picture', await other.evaluate(async () => { const img = document.querySelector('.shot img'); await img.decode(); return img.naturalWidth }), 40)
  await other.goto(address + '#order=slowest&owner=nobody&least=%3Cscript%3E')
  is('slowest first', (await other.locator('#all tbody tr:visible code').first().textContent()).trim(), 's/a.js::slow')

  // Nothing that tests wrote is more than text.
  is('elements from hostile text', await other.evaluate(() => document.querySelectorAll('#all img, #all b, script:not(:last-of-type)').length), 0)

  const open = await (await browser.newContext({colorScheme, bypassCSP: true})).newPage()
  open.setDefaultTimeout(patient)
  await open.goto(address)
  await open.evaluate(() => document.querySelectorAll('details').forEach(d => { d.open = true }))
  await open.evaluate(fs.readFileSync(new URL('node_modules/axe-core/axe.min.js', import.meta.url), 'utf8'))
  for (const v of (await open.evaluate(() => globalThis.axe.run())).violations) console.log(`${colorScheme}: ${v.id}: ${v.nodes[0].html.slice(0, 200)}`)
}
await browser.close()
