import { VOCABULARY } from '../../../src/app/vocabulary.ts'
import { loadPolicies } from '../../../src/policies/load.ts'
import { ACTION_KEYS } from './actions.ts'
import { GUARD_KEYS } from './guards.ts'
import { type PolicyKey, row } from './key.ts'
import { LOOKOUT_KEYS } from './lookout.ts'
import { METRIC_KEYS } from './metrics.ts'
import { DEFAULT_KEYS, POLICY_KEYS } from './policies.ts'
import { CHANNEL_KEYS, sourceKeys } from './sources.ts'

/** Another version is another file, which this program cannot read. */
const VERSION: PolicyKey = row('version', 1, 2, {
  play: { proof: async file => loadPolicies([{ file: 'p.yaml', text: JSON.stringify(file) }], VOCABULARY).kind }
})

/** Every key of the schema, with its proof. */
export const KEYS: readonly PolicyKey[] = [
  VERSION,
  ...sourceKeys('prometheus'),
  ...sourceKeys('alertmanager'),
  ...CHANNEL_KEYS,
  ...DEFAULT_KEYS,
  ...POLICY_KEYS,
  ...ACTION_KEYS,
  ...METRIC_KEYS,
  ...GUARD_KEYS,
  ...LOOKOUT_KEYS
]
