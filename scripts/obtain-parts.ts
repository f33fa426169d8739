import { ALERTMANAGER, obtainPart, PartMissing, PROMETHEUS } from '../src/sandbox/real-parts.ts'

// Before the tests, and not by them: several at once would fight for apt's lock on a bare machine.
try {
  for (const part of [PROMETHEUS, ALERTMANAGER])
    await obtainPart(part, { variables: process.env }, line => process.stderr.write(`${line}\n`))
} catch (cause) {
  if (!(cause instanceof PartMissing)) throw cause
  process.stderr.write(`${cause.message}\n`)
  process.exitCode = 1
}
