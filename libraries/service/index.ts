export { commonConfig, identityName, loadConfig } from './config.js';
export { Figures, type Figure } from './figures.js';
export { counterFromZero, histogramFromZero } from './from-zero.js';
export { MetricsServer, createRegistry } from './metrics.js';
export { runService, type ServiceDescription, type ServiceParts } from './run.js';
export { version } from './version.js';
