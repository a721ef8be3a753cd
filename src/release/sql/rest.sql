-- Adds the remainder of each cell to its bucket.
INSERT INTO {{database}}.waiting_cells
    (scope, day, origin, site, level, name, property, value, page, visitors, pageviews, visits, bounces, visit_seconds,
    engaged_ms, engaged_views, scroll_percent, scroll_views, not_found, exits, gate, published, days_reached)
SELECT
    {scope:String}, if({scope:String} = 'week', toMonday(day) + 6, toLastDayOfMonth(day)), origin, site, level, name, property, value, page,
    rests[1], rests[2], rests[3], rests[4], rests[5], rests[6], rests[7], rests[8], rests[9], rests[10], rests[11],
    gate_rest, published + gate_out, days_reached
FROM {{database}}.staged_cells{{local}}
WHERE release = {release:String} AND level NOT IN ('site_hour', 'page_hour', 'dimension_page')
ORDER BY level, site, name, property, value, page
