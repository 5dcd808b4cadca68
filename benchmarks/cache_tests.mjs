// Runs the public suite (npm http-cache-tests) against one cache and prints one JSON object:
// test id → [kind, outcome], outcome as the suite itself judges it, dependencies honoured.
import { createRequire } from 'node:module'
import { pathToFileURL } from 'node:url'
import { existsSync } from 'node:fs'
import path from 'node:path'

const [folder, base] = process.argv.slice(2)
const newer = existsSync(path.join(folder, 'test-engine'))
const load = file => import(pathToFileURL(path.join(folder, newer ? 'test-engine' : '.', file)))
const { runTests, getResults } = await load('client/runner.mjs')
const { determineTestResult } = await load(newer ? 'lib/results.mjs' : 'lib/display.mjs')
// Not surrogate-control.mjs of the older suite: the newer has RFC 9213's CDN-Cache-Control in its place.
const suites = (await import(pathToFileURL(path.join(folder, 'tests/index.mjs')))).default
const fetch = newer ? null : createRequire(path.join(folder, 'cli.mjs'))('node-fetch')

const outcomes = {
  '-': 'untested',
  '✅': 'pass',
  '⛔️': 'fail',
  '⚠️': 'fail',
  Y: 'yes',
  N: 'no',
  '🔹': 'setup-failed',
  '⁉️': 'harness-failed',
  '⚪️': 'dependency-failed',
  '↻': 'retry'
}
await (newer ? runTests(suites, false, base, 25) : runTests(suites, fetch, false, base, 25))
const results = getResults()
const judged = {}
for (const test of suites.flatMap(suite => suite.tests)) {
  if (test.browser_only) continue
  judged[test.id] = [test.kind ?? 'required', outcomes[determineTestResult(suites, test.id, results)[2]]]
}
console.log(JSON.stringify(judged))
