import { testClients } from '../clients/matrix.js'
import { SYSTEM_CLIENTS } from '../clients/system-clients.js'

await testClients('system', SYSTEM_CLIENTS)
