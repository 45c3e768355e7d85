export { agentConfig, type AgentConfig } from './config.js';
export { agentCpuSeconds } from './cpu-meter.js';
export { required } from './migration-ref.js';
export { startAgentParts, type AgentParts } from './parts.js';
export { Steps, type Step } from './steps.js';
