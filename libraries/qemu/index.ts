export { withQmp, type QmpClient } from './qmp-client.js';
