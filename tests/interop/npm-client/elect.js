// One candidate of npm's elector: elect.js IDENTITY. Says "leads" when it does; TERM releases. It wants KUBERNETES_SERVICE_HOST to be
// set, and takes the server from KUBECONFIG all the same. With STAMPER and STAMPS, that worker runs while it believes that it leads.
const { spawn } = require('node:child_process')
const { Elector, EVENTS } = require('@codedependant/kubernetes-leader-election')

const { LEASE_NAME = 'lock', LEASE_SECONDS = '3', STAMPER, STAMPS } = process.env
const elector = new Elector({
  identity: process.argv[2], lease_name: LEASE_NAME, lease_duration_sec: Number(LEASE_SECONDS), renew_interval_ms: 1000,
})
let worker = null
const stop = () => {
  if (worker) worker.kill('SIGKILL')
  worker = null
}
elector.on(EVENTS.LEADERSHIP_ACQUIRED, () => {
  console.log('leads')
  if (STAMPER && !worker) worker = spawn(STAMPER, [STAMPS], { stdio: 'ignore' })
})
elector.on(EVENTS.LEADERSHIP_LOST, stop)
process.prependListener('SIGTERM', stop)
elector.start()
