/** Bodies as Alertmanager posts them. */
export const payload = (alerts: readonly unknown[], more: object = {}): Record<string, unknown> => ({
  version: '4',
  groupKey: '{}:{alertname="A"}',
  truncatedAlerts: 0,
  status: 'firing',
  receiver: 'astern',
  groupLabels: {},
  commonLabels: {},
  commonAnnotations: {},
  externalURL: 'http://am-1:9093',
  alerts,
  ...more
})
export const firing = (more: object = {}): Record<string, unknown> => ({
  status: 'firing',
  labels: { alertname: 'A' },
  annotations: {},
  startsAt: '2026-11-21T12:00:00Z',
  endsAt: '0001-01-01T00:00:00Z',
  generatorURL: '',
  fingerprint: '8a07086b74f3ba78',
  ...more
})
