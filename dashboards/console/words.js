// All texts of the console, English and French side by side, so that both say the same.

export const LANGUAGES = { en: 'English', fr: 'Français' };

const WORDS = {
  title: ['Audience figures', 'Mesure d’audience'],
  skip: ['Skip to the figures', 'Aller aux chiffres'],
  site: ['Site', 'Site'], period: ['Period', 'Période'], menu: ['Pages of the console', 'Pages de la console'],
  // pages
  overview: ['Overview', 'Vue d’ensemble'], sites: ['All sites', 'Tous les sites'], now: ['Now', 'En direct'],
  conformity: ['Conformity', 'Conformité'], health: ['Health', 'État'], install: ['Install', 'Installation'],
  signOut: ['Sign out', 'Se déconnecter'], signIn: ['Sign in', 'Se connecter'],
  tokenLabel: ['Token, as `sillage token new` printed it', 'Jeton, tel que `sillage token new` l’a affiché'],
  // ranges
  today: ['Today', 'Aujourd’hui'], yesterday: ['Yesterday', 'Hier'], '7d': ['7 days', '7 jours'], '28d': ['28 days', '28 jours'],
  '91d': ['91 days', '91 jours'], month: ['This month', 'Ce mois'], lastmonth: ['Last month', 'Mois dernier'], year: ['This year', 'Cette année'],
  '12mo': ['12 months', '12 mois'], all: ['All', 'Tout'], custom: ['Custom…', 'Dates…'], from: ['From', 'Du'], to: ['To', 'Au'], apply: ['Show', 'Afficher'],
  compare: ['Compare with', 'Comparer à'], cmp_before: ['period before', 'période précédente'], cmp_year: ['last year', 'l’an dernier'], cmp_none: ['nothing', 'rien'], cmp_custom: ['other dates…', 'autres dates…'],
  by: ['By', 'Par'], by_auto: ['automatic', 'automatique'], by_hour: ['hour', 'heure'], by_day: ['day', 'jour'], by_week: ['week', 'semaine'], by_month: ['month', 'mois'],
  // metrics
  visitors: ['Visitors', 'Visiteurs'], visits: ['Visits', 'Visites'], pageviews: ['Pageviews', 'Pages vues'], views_per_visit: ['Views per visit', 'Pages par visite'],
  bounce_rate: ['Bounce rate', 'Taux de rebond'], visit_duration: ['Visit duration', 'Durée de visite'], time_on_page: ['Time on page', 'Temps de lecture'],
  scroll_depth: ['Scroll depth', 'Défilement'], events: ['Uses', 'Utilisations'], hits: ['Hits', 'Requêtes'], ai: ['Of AI', 'Dont IA'], count: ['Measured', 'Mesures'], p75: ['p75', 'p75'], p50: ['Median', 'Médiane'], p95: ['p95', 'p95'], rate: ['Rate', 'Taux'], share: ['Share', 'Part'],
  // panels
  pages: ['Pages', 'Pages'], all_pages: ['All', 'Toutes'], entry: ['Entry', 'Entrée'], exit: ['Exit', 'Sortie'], notfound: ['Not found', 'Introuvables'], groups: ['Groups', 'Groupes'], reading: ['Reading', 'Lecture'],
  sources: ['Sources', 'Sources'], referrers: ['Referrers', 'Sites référents'], channels: ['Channels', 'Canaux'], names: ['Names', 'Noms'], campaigns: ['Campaigns', 'Campagnes'], media: ['Media', 'Supports'],
  places: ['Places', 'Lieux'], map: ['Map', 'Carte'], countries: ['Countries', 'Pays'], regions: ['Regions', 'Régions'], cities: ['Cities', 'Villes'],
  devices: ['Devices', 'Appareils'], browsers: ['Browsers', 'Navigateurs'], browser_versions: ['Versions', 'Versions'], systems: ['Systems', 'Systèmes'], system_versions: ['System versions', 'Versions de système'], screens: ['Screens', 'Écrans'],
  languages: ['Languages', 'Langues'], actions: ['Actions', 'Actions'], goals: ['Goals', 'Objectifs'], searches: ['Searches', 'Recherches'], errors: ['Errors', 'Erreurs'],
  way: ['Way through the site', 'Parcours'], way_from: ['From', 'Depuis'], way_to: ['To', 'Vers'],
  load: ['Load times', 'Temps de chargement'], vitals: ['Web vitals', 'Signaux web'], slow: ['Slow pages', 'Pages lentes'],
  robots: ['Robots', 'Robots'], kinds: ['Kinds', 'Types'], robot_pages: ['Pages', 'Pages'], uncounted: ['Not counted, and why', 'Non compté, et pourquoi'],
  page: ['Page', 'Page'], country: ['Country', 'Pays'], value: ['Value', 'Valeur'], kind: ['Kind', 'Type'], metric: ['Metric', 'Mesure'], goal: ['Goal', 'Objectif'], outcome: ['Outcome', 'Sort'],
  // kinds and outcomes
  ai_assistant: ['AI assistants', 'Assistants d’IA'], ai_crawler: ['AI crawlers', 'Robots d’IA'], search: ['Search engines', 'Moteurs de recherche'], monitoring: ['Monitoring', 'Surveillance'], other: ['Other', 'Autres'],
  counted: ['Counted', 'Compté'], untagged: ['Counted without visitor', 'Compté sans visiteur'], unanswered: ['Sender left', 'Envoi interrompu'], bot: ['Robot', 'Robot'], opted_out: ['Objection (GPC, DNT, opt-out)', 'Opposition (GPC, DNT, refus)'], excluded: ['Excluded', 'Exclu'], referrer_spam: ['Referrer spam', 'Spam de référent'], flood: ['Flood from one address', 'Rafale d’une même adresse'], unknown_site: ['Unknown site', 'Site inconnu'], prefetch: ['Prefetched', 'Préchargé'], not_measured: ['Not measured', 'Non mesuré'], malformed: ['Malformed', 'Mal formé'], too_large: ['Too large', 'Trop long'], unsupported: ['Unsupported encoding', 'Encodage inconnu'], timed_out: ['Too slow', 'Trop lent'], unavailable: ['No room', 'Indisponible'], foreign_host: ['Foreign host', 'Hôte étranger'], no_consent: ['No consent', 'Sans consentement'],
  lcp: ['Largest content', 'Plus grand contenu'], inp: ['Interaction', 'Interaction'], cls: ['Layout shift', 'Décalage'], fcp: ['First content', 'Premier contenu'], ttfb: ['First byte', 'Premier octet'], dom: ['DOM ready', 'DOM prêt'], load_event: ['Loaded', 'Chargé'],
  good: ['good', 'bon'], middling: ['to improve', 'à améliorer'], poor: ['poor', 'mauvais'],
  desktop: ['Desktop', 'Ordinateur'], mobile: ['Mobile', 'Mobile'], tablet: ['Tablet', 'Tablette'], tv: ['TV', 'Télévision'],
  '(direct)': ['(direct or unknown)', '(direct ou inconnu)'], '(unknown)': ['(unknown)', '(inconnu)'], '(other)': ['(other)', '(autres)'],
  // filters
  is: ['is', 'est'], is_not: ['is not', 'n’est pas'], contains: ['contains', 'contient'], remove: ['Remove', 'Retirer'], only: ['Only', 'Seulement'], operator: ['Comparison', 'Comparaison'],
  // states
  loading: ['Loading', 'Chargement'], live: ['Live', 'En direct'], updated: ['Updated', 'Mis à jour'], offline: ['Not connected', 'Hors ligne'], retrying: ['The console does not answer. Trying again.', 'La console ne répond pas. Nouvel essai en cours.'],
  nothing: ['Nothing in this period.', 'Rien sur cette période.'], withheld: ['Withheld: too few to compute a rate from', 'Retenu : trop peu pour calculer un taux'], withheldWord: ['withheld', 'retenu'],
  noSite: ['This token reads no site.', 'Ce jeton ne lit aucun site.'], noHits: ['No hit in this period yet. “Install” shows what arrives, within seconds.', 'Aucune visite sur cette période. « Installation » montre ce qui arrive, en quelques secondes.'],
  more: ['Show more', 'Voir plus'], less: ['Show less', 'Voir moins'], asTable: ['As a table', 'En tableau'], unfinished: ['still under way', 'en cours'], time: ['Time', 'Moment'],

  up: ['up', 'en hausse de'], down: ['down', 'en baisse de'], against: ['against', 'par rapport à'], points: ['points', 'points'],
  export: ['Export (CSV)', 'Exporter (CSV)'], copy: ['Copy this question', 'Copier cette question'], copyApi: ['as API request', 'en requête d’API'], copySql: ['as SQL', 'en SQL'], copied: ['Copied', 'Copié'], options: ['Options', 'Options'],
  share: ['Share', 'Partager'], shareDo: ['Make a link for 30 days', 'Créer un lien de 30 jours'], print: ['Print', 'Imprimer'], shortcuts: ['Keyboard shortcuts', 'Raccourcis clavier'], close: ['Close', 'Fermer'], language: ['Language', 'Langue'], theme: ['Theme', 'Thème'], theme_auto: ['Automatic', 'Automatique'], theme_light: ['Light', 'Clair'], theme_dark: ['Dark', 'Sombre'], note: ['Add a note', 'Ajouter une note'], noteText: ['Note', 'Note'], noteDay: ['Day', 'Jour'], keep: ['Keep', 'Garder'], notes: ['Notes', 'Notes'],
  everythingAbout: ['Everything about', 'Tout sur'], wholeSite: ['Show the whole site', 'Voir tout le site'], keptAlone: ['counted by itself: no row of another list is kept with it', 'compté à part : aucune autre liste n’est conservée avec'], only_page: ['Counted for the whole site, not for one page.', 'Compté pour tout le site, pas pour une page.'], only_value: ['Not kept together with another dimension: no combination can isolate a person. Remove the filter to see it.', 'Non conservé avec une autre dimension : aucune combinaison ne peut isoler une personne. Retirez le filtre pour le voir.'],
  // notes under the figures
  exact: ['Figures are exact: protection is off (demonstration, tests, intranets).', 'Les chiffres sont exacts : la protection est désactivée (démonstration, tests, intranets).'],
  tens: ['Figures are published in tens, each drawn once; what is too small for its day waits for its week, then its month.', 'Les chiffres sont publiés à la dizaine, tirés une seule fois ; ce qui est trop petit pour son jour attend sa semaine, puis son mois.'],
  daily: ['A visitor counts once a day; over several days, days are added up.', 'Un visiteur compte une fois par jour ; sur plusieurs jours, les jours s’additionnent.'],
  todayTens: ['Today is published hour by hour, for the site and its busy pages. Sources, places, devices, actions and the rest of today are published once: at 00:30, when the day has closed', 'Aujourd’hui est publié heure par heure, pour le site et ses pages fréquentées. Sources, lieux, appareils, actions et le reste du jour sont publiés une seule fois : à 0 h 30, le jour étant clos'],
  beside: ['Beside today', 'À côté d’aujourd’hui'], nowWord: ['Last 30 minutes', '30 dernières minutes'], nowFew: ['fewer than 20 visitors', 'moins de 20 visiteurs'], nowNone: ['no visitor', 'aucun visiteur'],
  closedDay: ['Latest closed day', 'Dernier jour clos'], closedNone: ['none yet', 'aucun pour l’instant'], noBusyPage: ['No page was busy enough in any hour of today to be published yet. All pages follow at 00:30.', 'Aucune page n’a encore été assez fréquentée en une heure pour être publiée. Toutes les pages suivent à 0 h 30.'],
  filling: ['The simulated past is being counted, the newest days first', 'Le passé simulé est en cours de comptage, les jours récents d’abord'], daysWord: ['days', 'jours'],
  lastRelease: ['Last release', 'Dernière publication'], released: ['published', 'publié'], releaseExact: ['figures are exact: every flush publishes, none waits', 'chiffres exacts : chaque envoi publie, rien n’attend'], releaseNone: ['no period has closed since the start; the first hour is published when it has ended', 'aucune période close depuis le démarrage ; la première heure est publiée dès sa fin'],
  dashed: ['A dashed line leads to a period that is still under way.', 'Un trait pointillé mène à une période en cours.'],
  places_by: ['Places: IP Geolocation by DB-IP', 'Lieux : géolocalisation IP par DB-IP'],
  // now, install, health
  nowLast: ['The last 30 minutes', 'Les 30 dernières minutes'], nowLastTens: ['The last 30 minutes, in tens', 'Les 30 dernières minutes, à la dizaine'], arrivals: ['What arrives', 'Ce qui arrive'], arrivalsWhy: ['Live from memory, since published figures come by the hour and the day. On a small site pages come by week or month: what is too small for its day would point at a person.', 'En direct depuis la mémoire, car les chiffres publiés arrivent par heure et par jour. Sur un petit site, les pages arrivent par semaine ou par mois : ce qui est trop petit pour son jour désignerait une personne.'],
  lastHit: ['Last hit', 'Dernière requête'], ago: ['seconds ago', 'secondes'], never: ['none since the start', 'aucune depuis le démarrage'], snippet: ['Put this into every page', 'À placer dans chaque page'], proxy: ['Or through your own host, so that no blocker stands in the way', 'Ou par votre propre hôte'], declared: ['Declared for this site', 'Déclaré pour ce site'], properties: ['Properties', 'Propriétés'], noneDeclared: ['none', 'aucune'], minutes: ['Minute by minute', 'Minute par minute'],
  held: ['held', 'respectée'], not_held: ['not held', 'non respectée'], for_a_person: ['for a person to do', 'à faire par une personne'], selfAssessment: ['A self-assessment of this program, made now. Nobody else has checked it.', 'Auto-évaluation de ce programme, faite maintenant. Personne d’autre ne l’a vérifiée.'], noticesToCopy: ['Notices to copy', 'Mentions à copier'], rule: ['Rule', 'Règle'], verdict: ['Verdict', 'Verdict'], evidence: ['Evidence', 'Élément'],
  failedInserts: ['Failed inserts', 'Insertions échouées'], quarantined: ['Damaged parts set aside', 'Parties abîmées mises à l’écart'], openVisits: ['Visits in progress', 'Visites en cours'], tags: ['Visitor tags in memory', 'Étiquettes de visiteurs en mémoire'], sinceStart: ['Hits since the start, by outcome', 'Requêtes depuis le démarrage, par sort'],
  noArrival: ['No hit in the last 30 minutes. Open a page that has the snippet: it shows here within seconds.', 'Aucune requête ces 30 dernières minutes. Ouvrez une page qui porte le script : elle apparaît ici en quelques secondes.'], snippetHost: ['COLLECTOR is the public host name of this collector.', 'COLLECTOR est le nom public de ce collecteur.'],
  engine: ['Database', 'Base de données'], spool: ['Spool', 'File d’attente'], up_word: ['answers', 'répond'], down_word: ['does not answer', 'ne répond pas'], waiting: ['waiting', 'en attente'], received: ['Hits received since the start', 'Requêtes reçues depuis le démarrage'], ready: ['takes hits', 'accepte les requêtes'], notReady: ['takes none', 'n’accepte rien'], change: ['Change', 'Évolution'],
};

let column = 0;

/** Switches the console to `language`. */
export function speak(language) {
  column = Math.max(Object.keys(LANGUAGES).indexOf(language), 0);
  document.documentElement.lang = language;
}

/** Text for `name`; a name without a text is shown as it is. */
export const t = (name) => WORDS[name]?.[column] ?? name;

/** Whether `name` has a text. */
export const known = (name) => name in WORDS;

export const locale = () => ['en-GB', 'fr-FR'][column];
