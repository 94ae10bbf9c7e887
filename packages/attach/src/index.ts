export { directBackend } from './appliance.js';
