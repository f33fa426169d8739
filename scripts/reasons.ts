import { writeFileSync } from 'node:fs'
import { OUTCOMES } from '../src/domain/outcomes.ts'
import { REASONS } from '../src/domain/reasons.ts'
import { PROBLEMS } from '../src/domain/verdict.ts'

// docs/reasons.md from the tables that the code decides by; a test compares them, both ways.
const rows = (entries: readonly (readonly string[])[]): string => entries.map(cells => `| ${cells.join(' | ')} |`).join('\n')

writeFileSync(
  'docs/reasons.md',
  `# Reasons, outcomes, problems

Closed sets: the same words stand in the audit log, the API, the metrics and the messages. Made by \`npm run reasons\`.

## Reasons

Why a run waits or was denied. Each has one disposition: \`wait\` is looked at again (every \`recheck\`, at each heartbeat, and at
once when the end is known), until \`escalate.after\` is up; \`people\` ends the run and tells people at once; \`end\` ends it quietly.

| reason | disposition | what it means |
|---|---|---|
${rows(Object.entries(REASONS).map(([reason, { disposition, sentence }]) => [`\`${reason}\``, disposition, sentence]))}

### What ends a wait

A reason that waiting cannot end is none to wait for. Each of these ends by what stands beside it, or with \`escalate.after\`.

| reason | until |
|---|---|
${rows(Object.entries(REASONS).flatMap(([reason, entry]) => ('ends' in entry ? [[`\`${reason}\``, entry.ends]] : [])))}

## Outcomes

How a run ended. That people were told is a fact of its own.

| outcome | what it means |
|---|---|
${rows(Object.entries(OUTCOMES).map(([outcome, sentence]) => [`\`${outcome}\``, sentence]))}

## Problems of a query

Why a query gave no number to decide on. None of them starts an action, and none proves recovery.

| problem | what it means |
|---|---|
${rows(Object.entries(PROBLEMS).map(([problem, sentence]) => [`\`${problem}\``, sentence]))}
`
)
