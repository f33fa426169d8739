import { ACTIONS } from '../actions/registry.ts'
import { CHANNELS } from '../notify/registry.ts'
import type { Vocabulary } from '../policies/load.ts'

/** All that a policy file may name. */
export const VOCABULARY = { actions: ACTIONS, channels: CHANNELS } satisfies Vocabulary
