import { isObject, type JsonObject } from '../../base/json.ts'
import { loadPolicies } from '../../policies/load.ts'
import { PolicyFileMissing, readPolicyTexts } from '../../policies/store.ts'
import { readYaml } from '../../yaml/read.ts'
import { CommandError, EXIT } from '../exit.ts'
import type { Terminal } from '../terminal.ts'
import { printProblems } from '../validate.ts'

/**
 * Reads the policy file that a guard without a server goes by, checked as `astern validate --no-files` checks it: a CI job does not have
 * the files of a server’s channels, and needs none of them.
 * @throws CommandError, after the problems are printed, where it cannot be used
 */
export async function ownPolicies(file: string, terminal: Terminal): Promise<JsonObject> {
  // The vocabulary brings all actions, which a client of a server does not need.
  const { VOCABULARY } = await import('../../app/vocabulary.ts')
  const texts = await readPolicyTexts(file).catch((cause: unknown) => {
    if (cause instanceof PolicyFileMissing) throw new CommandError(EXIT.usage, `--policies: ${cause.message}`, { cause })
    throw cause
  })
  const loaded = loadPolicies(texts, VOCABULARY)
  if (loaded.kind === 'bad') {
    printProblems(terminal, loaded.problems)
    throw new CommandError(EXIT.usage, `--policies ${file} cannot be used`)
  }
  const [only, more] = texts.map(({ text }) => readYaml(text))
  if (only?.kind !== 'read' || more !== undefined || !isObject(only.value))
    throw new CommandError(EXIT.usage, `--policies ${file}: must be one file, and no folder of several`)
  return only.value
}
