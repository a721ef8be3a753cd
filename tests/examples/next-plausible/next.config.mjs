import { withPlausibleProxy } from 'next-plausible';

export default withPlausibleProxy({ src: `${process.env.COLLECTOR}/js/pa-XXXXX.js` })({ outputFileTracingRoot: import.meta.dirname });
