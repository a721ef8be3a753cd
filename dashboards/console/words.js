// All texts of the console, English and French side by side, so that both say the same.

export const LANGUAGES = { en: 'English', fr: 'Français' };

const WORDS = {
  title: ['Audience figures', 'Mesure d’audience'],
  skip: ['Skip to the figures', 'Aller aux chiffres'],
  site: ['Site', 'Site'], period: ['Period', 'Période'], menu: ['Pages of the console', 'Pages de la console'],
  // pages
  overview: ['Overview', 'Vue d’ensemble'], sites: ['All sites', 'Tous les sites'], now: ['Now', 'En direct'],
  conformity: ['Compliance', 'Conformité'], health: ['Health', 'État'], install: ['Install', 'Installation'],
  signOut: ['Sign out', 'Se déconnecter'], signIn: ['Sign in', 'Se connecter'],
  tokenLabel: ['Token, as printed by sillage token new', 'Jeton affiché par sillage token new'],
  // ranges
  today: ['Today', 'Aujourd’hui'], yesterday: ['Yesterday', 'Hier'], '7d': ['7 days', '7 jours'], '28d': ['28 days', '28 jours'],
  '91d': ['91 days', '91 jours'], month: ['This month', 'Ce mois'], lastmonth: ['Last month', 'Mois dernier'], year: ['This year', 'Cette année'],
  '12mo': ['12 months', '12 mois'], all: ['All', 'Tout'], custom: ['Custom…', 'Dates…'], from: ['From', 'Du'], to: ['To', 'Au'], apply: ['Show', 'Afficher'],
  compare: ['Compare with', 'Comparer à'], cmp_before: ['previous period', 'période précédente'], cmp_year: ['last year', 'l’an dernier'], cmp_none: ['nothing', 'rien'], cmp_custom: ['other dates…', 'autres dates…'],
  by: ['By', 'Par'], by_auto: ['automatic', 'automatique'], by_hour: ['hour', 'heure'], by_day: ['day', 'jour'], by_week: ['week', 'semaine'], by_month: ['month', 'mois'],
  // metrics
  visitors: ['Visitors', 'Visiteurs'], visits: ['Visits', 'Visites'], pageviews: ['Pageviews', 'Pages vues'], views_per_visit: ['Views per visit', 'Pages par visite'],
  bounce_rate: ['Bounce rate', 'Taux de rebond'], visit_duration: ['Visit duration', 'Durée de visite'], time_on_page: ['Time on page', 'Temps de lecture'],
  scroll_depth: ['Scroll depth', 'Défilement'], entries: ['Entries', 'Entrées'], events: ['Uses', 'Utilisations'], hits: ['Hits', 'Requêtes'], ai: ['From AI', 'Dont IA'], count: ['Measured', 'Mesures'], p75: ['p75', 'p75'], p50: ['Median', 'Médiane'], p95: ['p95', 'p95'], rate: ['Rate', 'Taux'], share: ['Share', 'Part'],
  // panels
  pages: ['Pages', 'Pages'], all_pages: ['All', 'Toutes'], entry: ['Entry', 'Entrée'], exit: ['Exit', 'Sortie'], notfound: ['Not found', 'Introuvables'], groups: ['Groups', 'Groupes'], reading: ['Reading', 'Lecture'],
  sources: ['Sources', 'Sources'], referrers: ['Referrers', 'Sites référents'], channels: ['Channels', 'Canaux'], names: ['Names', 'Noms'], campaigns: ['Campaigns', 'Campagnes'], media: ['Media', 'Supports'],
  places: ['Places', 'Lieux'], map: ['Map', 'Carte'], countries: ['Countries', 'Pays'], regions: ['Regions', 'Régions'], cities: ['Cities', 'Villes'],
  devices: ['Devices', 'Appareils'], browsers: ['Browsers', 'Navigateurs'], browser_versions: ['Versions', 'Versions'], systems: ['Systems', 'Systèmes'], system_versions: ['System versions', 'Versions de système'], screens: ['Screens', 'Écrans'],
  languages: ['Languages', 'Langues'], device_models: ['Models', 'Modèles'], actions: ['Actions', 'Actions'], goals: ['Goals', 'Objectifs'], searches: ['Searches', 'Recherches'], errors: ['Errors', 'Erreurs'],
  way: ['Navigation', 'Navigation'], way_from: ['From', 'Depuis'], way_to: ['To', 'Vers'],
  load: ['Load times', 'Temps de chargement'], vitals: ['Web vitals', 'Signaux web essentiels'], slow: ['Slow pages', 'Pages lentes'],
  robots: ['Robots', 'Robots'], kinds: ['Kinds', 'Types'], robot_pages: ['Pages', 'Pages'], uncounted: ['Hits not counted, by reason', 'Requêtes non comptées, par motif'],
  page: ['Page', 'Page'], 'event:page': ['Page', 'Page'], 'visit:entry_page': ['Entry page', 'Page d’entrée'], 'visit:exit_page': ['Exit page', 'Page de sortie'], 'event:previous_page': ['Previous page', 'Page précédente'], 'event:name': ['Action', 'Action'], 'event:timing': ['Load time', 'Temps de chargement'],
  'visit:referrer': ['Referrer', 'Site référent'], 'visit:channel': ['Channel', 'Canal'], 'visit:source': ['Source', 'Source'], 'visit:utm_campaign': ['Campaign', 'Campagne'], 'visit:utm_medium': ['Medium', 'Support'], 'visit:utm_source': ['Campaign source', 'Source de campagne'], 'visit:utm_content': ['Campaign content', 'Contenu de campagne'], 'visit:utm_term': ['Campaign term', 'Terme de campagne'],
  'visit:country': ['Country', 'Pays'], 'visit:region': ['Region', 'Région'], 'visit:city': ['City', 'Ville'], 'visit:language': ['Language', 'Langue'], 'visit:device': ['Device', 'Appareil'], 'visit:device_model': ['Device model', 'Modèle d’appareil'], 'visit:screen': ['Screen', 'Écran'], 'visit:browser': ['Browser', 'Navigateur'], 'visit:browser_version': ['Browser version', 'Version de navigateur'], 'visit:os': ['System', 'Système'], 'visit:os_version': ['System version', 'Version de système'],
  country: ['Country', 'Pays'], value: ['Value', 'Valeur'], kind: ['Kind', 'Type'], metric: ['Metric', 'Mesure'], goal: ['Goal', 'Objectif'], outcome: ['Outcome', 'Résultat'],
  // kinds and outcomes
  ai_assistant: ['AI assistants', 'Assistants d’IA'], ai_crawler: ['AI crawlers', 'Robots d’IA'], search: ['Search engines', 'Moteurs de recherche'], monitoring: ['Monitoring', 'Surveillance'], other: ['Other', 'Autres'],
  counted: ['Counted', 'Compté'], untagged: ['Counted without a visitor', 'Compté sans visiteur'], unanswered: ['Sender disconnected', 'Envoi interrompu'], bot: ['Robot', 'Robot'], opted_out: ['Objection (GPC, DNT, opt-out)', 'Opposition (GPC, DNT, refus)'], excluded: ['Excluded', 'Exclu'], referrer_spam: ['Referrer spam', 'Spam de référent'], flood: ['Flood from one address', 'Rafale d’une même adresse'], unknown_site: ['Unknown site', 'Site inconnu'], prefetch: ['Prefetched', 'Préchargé'], not_measured: ['Not measured', 'Non mesuré'], malformed: ['Malformed', 'Mal formé'], too_large: ['Too large', 'Trop volumineux'], unsupported: ['Unsupported encoding', 'Encodage non pris en charge'], timed_out: ['Too slow', 'Trop lent'], unavailable: ['Unavailable', 'Indisponible'], foreign_host: ['Foreign host', 'Hôte étranger'], no_consent: ['No consent', 'Sans consentement'],
  p75Note: ['75th percentile (p75): three quarters of the page loads were at least this fast.', '75ᵉ centile (p75) : les trois quarts des chargements ont été au moins aussi rapides.'],
  lcp: ['Largest content', 'Plus grand contenu'], inp: ['Interaction', 'Interaction'], cls: ['Layout shift', 'Décalage'], fcp: ['First content', 'Premier contenu'], ttfb: ['First byte', 'Premier octet'], dom: ['DOM ready', 'DOM prêt'], load_event: ['Loaded', 'Chargé'],
  good: ['good', 'bon'], middling: ['to improve', 'à améliorer'], poor: ['poor', 'mauvais'],
  desktop: ['Desktop', 'Ordinateur'], mobile: ['Mobile', 'Mobile'], tablet: ['Tablet', 'Tablette'], tv: ['TV', 'Télévision'],
  '(direct)': ['(direct or unknown)', '(direct ou inconnu)'], '(unknown)': ['(unknown)', '(inconnu)'], '(other)': ['(other)', '(autres)'],
  // filters
  is: ['is', 'est'], is_not: ['is not', 'n’est pas'], contains: ['contains', 'contient'], remove: ['Remove', 'Retirer'], only: ['Only', 'Seulement'], operator: ['Comparison', 'Comparaison'],
  // states
  loading: ['Loading', 'Chargement'], live: ['Live', 'En direct'], updated: ['Updated', 'Mis à jour'], offline: ['Not connected', 'Hors ligne'], retrying: ['The console does not respond. Retrying.', 'La console ne répond pas. Nouvelle tentative en cours.'],
  nothing: ['No data in this period.', 'Aucune donnée sur cette période.'], withheld: ['Withheld: too few visits to compute a rate', 'Masqué : trop peu de visites pour calculer un taux'], withheldWord: ['withheld', 'masqué'],
  noSite: ['This token cannot read any site.', 'Ce jeton ne donne accès à aucun site.'], noHits: ['No hits in this period yet. “Install” shows incoming hits within seconds.', 'Aucune visite sur cette période pour l’instant. « Installation » affiche les requêtes entrantes en quelques secondes.'],
  more: ['Show more', 'Voir plus'], less: ['Show less', 'Voir moins'], asTable: ['As a table', 'En tableau'], unfinished: ['unfinished', 'en cours'], time: ['Time', 'Heure'],

  versus: ['vs', 'par rapport à'], up: ['up', 'en hausse de'], down: ['down', 'en baisse de'], against: ['against', 'par rapport à'], points: ['points', 'points'],
  export: ['Export (CSV)', 'Exporter (CSV)'], copy: ['Copy this query', 'Copier cette requête'], copyApi: ['as an API request', 'sous forme d’appel API'], copySql: ['as SQL', 'en SQL'], copied: ['Copied', 'Copié'], options: ['Options', 'Options'],
  share: ['Share', 'Partager'], shareDo: ['Create a link for 30 days', 'Créer un lien valable 30 jours'], print: ['Print', 'Imprimer'], shortcuts: ['Keyboard shortcuts', 'Raccourcis clavier'], close: ['Close', 'Fermer'], language: ['Language', 'Langue'], theme: ['Theme', 'Thème'], theme_auto: ['Automatic', 'Automatique'], theme_light: ['Light', 'Clair'], theme_dark: ['Dark', 'Sombre'], note: ['Add a note', 'Ajouter une note'], noteText: ['Note', 'Note'], noteDay: ['Day', 'Jour'], keep: ['Save', 'Enregistrer'], notes: ['Notes', 'Notes'],
  everythingAbout: ['Everything about', 'Tout sur'], wholeSite: ['Show the whole site', 'Voir tout le site'], keptAlone: ['counted separately: not stored together with other lists', 'compté séparément : non conservé avec les autres listes'], only_page: ['Counted for the whole site, not for single pages.', 'Compté pour l’ensemble du site, pas par page.'], only_value: ['Not stored together with another dimension, so that no combination can isolate a person. Remove the filter to see this list.', 'Non conservé avec une autre dimension, afin qu’aucune combinaison n’isole une personne. Retirez le filtre pour afficher cette liste.'],
  // notes under the figures
  exact: ['Figures are exact: protection is off (demonstration, tests, intranets).', 'Les chiffres sont exacts : la protection est désactivée (démonstration, tests, intranets).'],
  tens: ['Figures are rounded to tens, at random and once; figures too small for a day are published with the week, then the month.', 'Les chiffres sont arrondis à la dizaine, une seule fois et de façon aléatoire ; ceux qui sont trop petits pour un jour sont publiés avec la semaine, puis le mois.'],
  daily: ['A visitor counts once a day; a period of several days is the sum of its days.', 'Un visiteur compte une fois par jour ; une période de plusieurs jours est la somme de ses jours.'],
  sameHours: ['Today is compared with the same hours of the other day, up to the last full hour; rates are not compared.', 'Le jour en cours est comparé aux mêmes heures de l’autre jour, jusqu’à la dernière heure pleine ; les taux ne sont pas comparés.'],
  daysOver: ['Changes compare the days that are over, without today.', 'Les évolutions comparent les jours terminés, sans le jour en cours.'],
  noHours: ['Today is not compared here: only visitors, visits and pageviews of the site and its pages are kept by the hour.', 'Le jour en cours n’est pas comparé ici : seuls les visiteurs, visites et pages vues du site et de ses pages sont conservés par heure.'],
  todayTens: ['Figures of today are published every hour, for the site and its busy pages. Sources, places, devices, actions and all other figures of today are published once, at 00:30, after the end of the day', 'Les chiffres du jour sont publiés heure par heure, pour le site et ses pages les plus fréquentées. Sources, lieux, appareils, actions et autres chiffres du jour sont publiés une seule fois, à 0 h 30, après la fin de la journée'],
  beside: ['Context for today', 'Repères pour aujourd’hui'], nowWord: ['Last 30 minutes', '30 dernières minutes'], nowFew: ['fewer than 20 visitors', 'moins de 20 visiteurs'], nowNone: ['no visitors', 'aucun visiteur'],
  closedDay: ['Last complete day', 'Dernier jour complet'], closedNone: ['none yet', 'aucun pour l’instant'], noBusyPage: ['No page has had enough visitors in one hour of today to be published yet. All pages follow at 00:30.', 'Aucune page n’a encore reçu assez de visiteurs en une heure pour être publiée. Toutes les pages seront publiées à 0 h 30.'],
  filling: ['The simulated history is being counted, newest days first', 'L’historique simulé est en cours de comptage, les jours récents d’abord'],
  lastRelease: ['Last release', 'Dernière publication'], released: ['published', 'publié'], releaseExact: ['Figures are exact and published with every flush.', 'Les chiffres sont exacts et publiés à chaque envoi.'], releaseNone: ['No period has ended since the start; the first hour is published when it has ended.', 'Aucune période terminée depuis le démarrage ; la première heure est publiée dès qu’elle est écoulée.'],
  begun: ['Figures begin on {day}: no comparison with a period that starts earlier.', 'Les chiffres commencent le {day} : pas de comparaison avec une période qui débute avant.'],
  dashed: ['A dashed line leads to an unfinished period.', 'Un trait pointillé mène à une période en cours.'],
  places_by: ['Places: IP Geolocation by DB-IP', 'Lieux : géolocalisation IP par DB-IP'],
  // now, install, health
  nowLast: ['The last 30 minutes', 'Les 30 dernières minutes'], nowLastTens: ['The last 30 minutes, in tens', 'Les 30 dernières minutes, à la dizaine'], arrivals: ['Incoming hits', 'Requêtes entrantes'], arrivalsWhy: ['Shown live from memory; figures are published by hour and day. On a small site, pages are published by week or month: figures too small for a day could identify a person.', 'Affichées en direct depuis la mémoire ; les chiffres sont publiés par heure et par jour. Sur un petit site, les pages sont publiées par semaine ou par mois : des chiffres trop petits pour un jour pourraient désigner une personne.'],
  lastHit: ['Last hit', 'Dernière requête'], never: ['none since the start', 'aucune depuis le démarrage'], snippet: ['Put this into every page', 'À placer dans chaque page'], proxy: ['Or through your own host, so that blockers do not stop it', 'Ou par votre propre nom d’hôte, pour ne pas être bloqué'], declared: ['Declared for this site', 'Déclaré pour ce site'], properties: ['Properties', 'Propriétés'], noneDeclared: ['none', 'aucune'], minutes: ['Minute by minute', 'Minute par minute'],
  held: ['held', 'respectée'], not_held: ['not held', 'non respectée'], for_a_person: ['for a person to do', 'à faire par une personne'], selfAssessment: ['Self-assessment by this program, generated now and not independently verified.', 'Auto-évaluation réalisée à l’instant par ce programme, sans vérification indépendante.'], noticesToCopy: ['Notices to copy', 'Mentions à copier'], rule: ['Rule', 'Règle'], verdict: ['Verdict', 'Verdict'], evidence: ['Evidence', 'Élément de preuve'],
  'the privacy page': ['Privacy page', 'Page de confidentialité'], 'the opt-out page': ['Opt-out page', 'Page d’opposition'], 'the notices': ['Notices', 'Mentions d’information'], 'the document for publishers': ['Document for publishers', 'Document pour les éditeurs'], 'the privacy page for machines': ['Privacy page for machines', 'Page de confidentialité pour les machines'],
  failedInserts: ['Failed inserts', 'Insertions échouées'], quarantined: ['Damaged data in quarantine', 'Données endommagées en quarantaine'], openVisits: ['Visits in progress', 'Visites en cours'], tags: ['Visitor tags in memory', 'Identifiants de visiteurs en mémoire'], sinceStart: ['Hits since the start, by outcome', 'Requêtes depuis le démarrage, par résultat'],
  noArrival: ['No hits in the last 30 minutes. Open a page with the snippet; its hit appears here within seconds.', 'Aucune requête ces 30 dernières minutes. Ouvrez une page qui contient le script ; sa requête apparaît ici en quelques secondes.'], snippetHost: ['COLLECTOR is the public host name of this collector.', 'COLLECTOR est le nom public de ce collecteur.'],
  engine: ['Database', 'Base de données'], spool: ['Spool', 'File d’attente'], up_word: ['responding', 'répond'], down_word: ['not responding', 'ne répond pas'], waiting: ['waiting', 'en attente'], received: ['Hits received since the start', 'Requêtes reçues depuis le démarrage'], ready: ['accepts hits', 'accepte les requêtes'], notReady: ['does not accept hits', 'n’accepte pas de requêtes'], change: ['Change', 'Évolution'],
};

let column = 0;

/** Switches the console to `language`. */
export function speak(language) {
  column = Math.max(Object.keys(LANGUAGES).indexOf(language), 0);
  document.documentElement.lang = language;
}

const NARROW = '\u202f';

/** French typography: narrow no-break spaces before double punctuation and percent signs, and inside quotation marks. */
const typeset = (text) => (column === 1 ? text.replace(/ (?=[:;?!%»])/g, NARROW).replace(/« /g, `«${NARROW}`) : text);

/** Text for `name`; a name without a text is shown as it is. */
export const t = (name) => (name in WORDS ? typeset(WORDS[name][column]) : name);

/** Words after a number: for one and for several, in English and French. */
const COUNTED = {
  visitors: [['visitor', 'visitors'], ['visiteur', 'visiteurs']], visits: [['visit', 'visits'], ['visite', 'visites']],
  pageviews: [['pageview', 'pageviews'], ['page vue', 'pages vues']], count: [['measurement', 'measurements'], ['mesure', 'mesures']],
  days: [['day', 'days'], ['jour', 'jours']],
};

/** The word for `number` things, in the plural form that the language asks for. */
export const unit = (name, number) => COUNTED[name][column][new Intl.PluralRules(locale()).select(number) === 'one' ? 0 : 1];

/** Label and text with a colon between them. */
export const labelled = (label, text) => `${label}${column === 1 ? NARROW : ''}: ${text}`;

/** Whether `name` has a text. */
export const known = (name) => name in WORDS;

export const locale = () => ['en-GB', 'fr-FR'][column];
