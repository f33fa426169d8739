import { ACTIONS } from '../actions/registry.ts'
import { CHANNELS } from '../notify/registry.ts'
import type { Vocabulary } from '../policies/load.ts'

/** The actions and the kinds of channel that a policy file may name. */
export const VOCABULARY = { actions: ACTIONS, channels: CHANNELS } satisfies Vocabulary
