import type { Alert, Delivery } from '../../src/domain/incident.ts'
import { NOON } from './workloads.ts'

let serial = 0
export const alertOf = (labels: Readonly<Record<string, string>>, more: Partial<Alert> = {}): Alert => ({
  status: 'firing',
  labels,
  annotations: {},
  startsAt: NOON,
  generatorUrl: '',
  ...more
})
export const deliveryOf = (alerts: readonly Alert[], more: Partial<Delivery> = {}): Delivery => {
  serial += 1
  return {
    id: `d-${serial}`,
    receivedAt: NOON,
    source: 'am',
    externalUrl: '',
    alerts,
    refused: [],
    raw: Buffer.from('{}'),
    part: 0,
    ...more
  }
}
