/** What becomes of Astern's entry in `metadata.managedFields` once a write is confirmed or given up. */
export const FIELD_OWNERSHIPS = ['give-up', 'keep'] as const
export type FieldOwnership = (typeof FIELD_OWNERSHIPS)[number]
