// One candidate of npm's elector: elect.js IDENTITY. Says "leads" when it does; TERM releases. It wants KUBERNETES_SERVICE_HOST to be
// set, and takes the server from KUBECONFIG all the same.
const { Elector, EVENTS } = require('@codedependant/kubernetes-leader-election')

const elector = new Elector({ identity: process.argv[2], lease_name: 'lock', lease_duration_sec: 3, renew_interval_ms: 1000 })
elector.on(EVENTS.LEADERSHIP_ACQUIRED, () => console.log('leads'))
elector.start()
