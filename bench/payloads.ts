/** One alert as Alertmanager sends it: nine labels, two annotations, about a kilobyte. */
export function alert(id: number): string {
  return `{"status":"firing","labels":{"alertname":"ApiHighErrorRate","namespace":"shop","deployment":"api-${id}","severity":"critical","cluster":"eu-1","team":"payments","prometheus":"monitoring/k8s","job":"api","service":"api"},"annotations":{"summary":"api-${id} answers too many requests with an error","runbook_url":"https://runbooks.example.com/api-high-error-rate"},"startsAt":"${STARTS_AT}","endsAt":"0001-01-01T00:00:00Z","generatorURL":"https://prometheus.example.com/graph?g0.expr=sum+by+%28namespace%2C+deployment%29&g0.tab=1","fingerprint":"${id.toString(16).padStart(16, '0')}"}`
}

const STARTS_AT = new Date().toISOString()

export function delivery(alerts: readonly string[]): string {
  return `{"receiver":"astern","status":"firing","alerts":[${alerts.join(',')}],"groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"https://alertmanager.example.com","version":"4","groupKey":"{}:{}","truncatedAlerts":0}`
}

/** Deliveries of alerts that nobody has seen before. */
export function freshDeliveries(alertsEach: number): () => string {
  let next = Math.floor(Math.random() * 1e12)
  return () => {
    const alerts: string[] = []
    for (let index = 0; index < alertsEach; index += 1) {
      next += 1
      alerts.push(alert(next))
    }
    return delivery(alerts)
  }
}

/** The same few deliveries over and over, as `repeat_interval` and a second peer send them. */
export function repeatedDeliveries(alertsEach: number, distinct = 64): () => string {
  const make = freshDeliveries(alertsEach)
  const bodies = Array.from({ length: distinct }, make)
  let next = 0
  return () => {
    next += 1
    return bodies[next % distinct] ?? ''
  }
}
