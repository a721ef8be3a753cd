<?php
/**
 * Plugin Name: Sillage
 * Description: Adds the tracker of Sillage, a privacy-first web analytics collector, and its opt-out. Stores nothing about visitors.
 * Version: 0.1.0
 * Requires PHP: 7.4
 * License: Apache-2.0
 */

defined('ABSPATH') || exit;

const SILLAGE_DEFAULTS = ['site' => '', 'origin' => '', 'actions' => '1', 'consent' => '', 'administrators' => ''];

function sillage_options(): array
{
    return array_merge(SILLAGE_DEFAULTS, (array) get_option('sillage', []));
}

/** Prints the tags on public pages; by default, users who can edit the site are left out. */
function sillage_print_tags(): void
{
    $options = sillage_options();
    if (is_preview() || (!$options['administrators'] && current_user_can('edit_posts'))) {
        return;
    }
    $site = $options['site'] ?: wp_parse_url(home_url(), PHP_URL_HOST);
    $source = static fn (string $name): string => esc_url(rtrim($options['origin'], '/') . '/js/' . $name);
    $attributes = sprintf('data-site="%s"', esc_attr($site));
    if ($options['consent']) {
        $attributes .= ' data-consent="required" id="sillage"';
    }
    if (is_404()) {
        $attributes .= ' data-not-found';
    }
    printf("<script defer src=\"%s\" %s></script>\n", $source('sillage.js'), $attributes);
    if ($options['actions']) {
        printf("<script defer src=\"%s\"></script>\n", $source('sillage.actions.js'));
    }
}
add_action('wp_head', 'sillage_print_tags');

/** Shortcode [sillage_opt_out]Do not count my visits[/sillage_opt_out], for the site's privacy page. */
function sillage_opt_out($attributes, ?string $content = null): string
{
    return sprintf(
        '<button type="button" data-sillage-opt-out>%s</button>',
        esc_html($content ?: __('Do not count my visits', 'sillage'))
    );
}
add_shortcode('sillage_opt_out', 'sillage_opt_out');

function sillage_clean($given): array
{
    $given = array_merge(array_fill_keys(array_keys(SILLAGE_DEFAULTS), ''), (array) $given);
    return [
        'site' => sanitize_text_field($given['site']),
        'origin' => esc_url_raw($given['origin']),
        'actions' => $given['actions'] ? '1' : '',
        'consent' => $given['consent'] ? '1' : '',
        'administrators' => $given['administrators'] ? '1' : '',
    ];
}

add_action('admin_init', static function (): void {
    register_setting('sillage', 'sillage', ['type' => 'array', 'sanitize_callback' => 'sillage_clean', 'show_in_rest' => false]);
});

add_action('admin_menu', static function (): void {
    add_options_page('Sillage', 'Sillage', 'manage_options', 'sillage', 'sillage_settings');
});

function sillage_settings(): void
{
    $options = sillage_options();
    $texts = ['site' => __('Site (empty: the host)', 'sillage'), 'origin' => __('Origin of the collector (empty: this site)', 'sillage')];
    $choices = [
        'actions' => __('Count downloads, outbound links, forms and videos', 'sillage'),
        'consent' => __('Wait for consent', 'sillage'),
        'administrators' => __('Also count users who can edit the site', 'sillage'),
    ];
    echo '<div class="wrap"><h1>Sillage</h1><form method="post" action="options.php">';
    settings_fields('sillage');
    echo '<table class="form-table" role="presentation">';
    foreach ($texts as $name => $label) {
        printf(
            '<tr><th scope="row"><label for="sillage-%1$s">%2$s</label></th><td><input class="regular-text" id="sillage-%1$s" name="sillage[%1$s]" value="%3$s"></td></tr>',
            esc_attr($name),
            esc_html($label),
            esc_attr($options[$name])
        );
    }
    foreach ($choices as $name => $label) {
        printf(
            '<tr><th scope="row">%2$s</th><td><input type="checkbox" name="sillage[%1$s]" value="1" aria-label="%2$s" %3$s></td></tr>',
            esc_attr($name),
            esc_html($label),
            checked($options[$name], '1', false)
        );
    }
    echo '</table>';
    submit_button();
    echo '</form></div>';
}

register_uninstall_hook(__FILE__, 'sillage_uninstall');

function sillage_uninstall(): void
{
    delete_option('sillage');
}
