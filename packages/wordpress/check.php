<?php
// Prints the plugin's output, with minimal stand-ins for the WordPress functions that it calls.
define('ABSPATH', '/');
$GLOBALS['options'] = ['site' => 'shop.example" onload="x', 'origin' => 'https://stats.example/', 'actions' => '1'];
function get_option($name, $else) { return $GLOBALS['options']; }
function add_action($name, $do) { $GLOBALS['actions'][$name] = $do; }
function add_shortcode($name, $do) { $GLOBALS['shortcodes'][$name] = $do; }
function register_uninstall_hook($file, $do) {}
function home_url() { return 'https://shop.example/blog'; }
function wp_parse_url($url, $part) { return parse_url($url, $part); }
function is_preview() { return false; }
function current_user_can($what) { return false; }
function is_404() { return true; }
function esc_url($url) { return $url; }
function esc_attr($text) { return htmlspecialchars($text, ENT_QUOTES); }
function esc_html($text) { return htmlspecialchars($text, ENT_QUOTES); }
function __($text, $domain) { return $text; }
require __DIR__ . '/sillage/sillage.php';
ob_start();
$GLOBALS['actions']['wp_head']();
$head = ob_get_clean();
$expected = "<script defer src=\"https://stats.example/js/sillage.js\" data-site=\"shop.example&quot; onload=&quot;x\" data-not-found></script>\n"
    . "<script defer src=\"https://stats.example/js/sillage.actions.js\"></script>\n";
$button = $GLOBALS['shortcodes']['sillage_opt_out']([], '<b>No</b>');
if ($head !== $expected || $button !== '<button type="button" data-sillage-opt-out>&lt;b&gt;No&lt;/b&gt;</button>') {
    fwrite(STDERR, "not what was expected:\n$head$button\n");
    exit(1);
}
echo "the plugin prints its tags and its switch\n";
