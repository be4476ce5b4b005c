import { testClients } from '../clients/matrix.js'
import { NODE_CLIENTS } from '../clients/node-clients.js'

await testClients('node', NODE_CLIENTS)
