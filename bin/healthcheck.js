// The container's HEALTHCHECK: 0 while this container's own server says that the process runs.
import http from 'node:http'
import https from 'node:https'

const port = /:(\d+)$/.exec(process.env.ASTERN_LISTEN ?? '')?.[1] ?? '8080'
const secure = process.env.ASTERN_TLS_CERT_FILE !== undefined
// The certificate is for the name that others use; here it is only asked whether somebody is at home.
const options = { host: '127.0.0.1', port, path: '/healthz', timeout: 3_000, rejectUnauthorized: false }
const request = (secure ? https : http).get(options, response => process.exit(response.statusCode === 200 ? 0 : 1))
request.on('timeout', () => request.destroy(new Error('timeout')))
request.on('error', () => process.exit(1))
