/** gRPC codes that are the server’s fault, by name and by number. A client’s errors (NotFound, InvalidArgument …) are answers. */
const BAD_CODES: ReadonlySet<string> = new Set([
  'unknown',
  'internal',
  'unavailable',
  'deadlineexceeded',
  'dataloss',
  '2',
  '13',
  '14',
  '4',
  '15'
])

/** Whether an HTTP status, or its class, is the server’s fault: `503`, `5xx`, Micrometer’s `SERVER_ERROR`. */
export function isBadHttp(status: string): boolean {
  return /^5(?:\d\d|xx)$/i.test(status) || status === 'SERVER_ERROR'
}

/** Whether a gRPC status is the server’s fault, written `DeadlineExceeded`, `DEADLINE_EXCEEDED` or `4`. */
export function isBadGrpc(code: string): boolean {
  return BAD_CODES.has(code.replaceAll('_', '').toLowerCase())
}
