import type { TargetLooks } from '../../domain/looks.ts'
import type { Symptom } from '../../domain/symptom.ts'

/** What a decision finds out on its way, also where it stops. */
export interface Learned {
  /** Set once a sample failed and the symptom was dated. */
  symptom?: Symptom
  /** What it saw of rollouts, where the next look must know it. */
  looked?: readonly TargetLooks[]
}
