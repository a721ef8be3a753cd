import { index, route } from '@react-router/dev/routes';

export default [index('routes/home.jsx'), route('prices', 'routes/prices.jsx'), route('about', 'routes/about.jsx')];
