//! The depth of a book drawn: as bars for a terminal, and as a standalone SVG.
use std::fmt::Write as _;

use ainur_api::view::BookView;
use ainur_market::exchange::DepthLevel;
use ainur_primitives::Amount;

/// The longest bar, in columns of a terminal.
const BAR_COLUMNS: u64 = 30;

/// The picture, in pixels: the whole, and the margins around the plot.
const WIDTH: u64 = 720;
const HEIGHT: u64 = 420;
const LEFT: u64 = 80;
const RIGHT: u64 = 20;
const TOP: u64 = 50;
const BOTTOM: u64 = 60;

/// Steps between the marks of an axis.
const MARKS: u64 = 4;

/// Credits at each price and all better ones.
pub(super) fn cumulative(levels: &[DepthLevel]) -> Vec<u64> {
    let mut sum = 0u64;
    let mut add = |level: &DepthLevel| {
        sum = sum.saturating_add(level.quantity);
        sum
    };
    levels.iter().map(&mut add).collect()
}

/// A bar of block characters, in eighths of a column; what is not nothing is seen.
pub(super) fn bar(part: u64, whole: u64) -> String {
    const EIGHTHS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let eighths = scaled(part.into(), whole.into(), BAR_COLUMNS * 8);
    let eighths = if part > 0 { eighths.max(1) } else { eighths };
    let full = "█".repeat(usize::try_from(eighths / 8).unwrap_or(0));
    let rest = usize::try_from(eighths % 8).unwrap_or(0);
    full + EIGHTHS[rest]
}

/// `part ∕ whole` of a length.
fn scaled(part: u128, whole: u128, length: u64) -> u64 {
    // Prices and sums of credits are below 2⁶⁴ and lengths below 2¹⁰.
    let scaled = part.min(whole).saturating_mul(length.into()) / whole.max(1);
    u64::try_from(scaled).unwrap_or(length)
}

/// Where prices and credits are in the picture.
struct Scale {
    lowest: Amount,
    highest: Amount,
    credits: u64,
}

impl Scale {
    fn x(&self, price: Amount) -> u64 {
        let (part, whole) =
            (price.saturating_sub(self.lowest), self.highest.saturating_sub(self.lowest));
        LEFT + scaled(part.0, whole.0, WIDTH - LEFT - RIGHT)
    }

    fn y(&self, credits: u64) -> u64 {
        let length = HEIGHT - TOP - BOTTOM;
        HEIGHT - BOTTOM - scaled(credits.into(), self.credits.into(), length)
    }
}

/// The cumulative depth of a book as a standalone SVG.
pub(super) fn svg(book: &BookView) -> String {
    let prices = || book.buy.iter().chain(&book.sell).map(|level| level.price);
    let title = escaped(&format!("Depth of {} credits", book.capability));
    let mut picture = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" \
         width=\"{WIDTH}\" height=\"{HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <title>{title}</title>\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#ffffff\"/>\n\
         <text x=\"{LEFT}\" y=\"28\" font-size=\"16\">{title}</text>\n"
    );
    let (Some(lowest), Some(highest)) = (prices().min(), prices().max()) else {
        text(&mut picture, (WIDTH / 2, HEIGHT / 2), "middle", "no orders rest");
        picture.push_str("</svg>\n");
        return picture;
    };
    // A single price stands in the middle.
    let margin = Amount(if lowest == highest { (lowest.0 / 10).max(1) } else { 0 });
    let (lowest, highest) = (lowest.saturating_sub(margin), highest.saturating_add(margin));
    let (buy, sell) = (cumulative(&book.buy), cumulative(&book.sell));
    let credits = buy.last().into_iter().chain(sell.last()).copied().max().unwrap_or(1);
    let scale = Scale { lowest, highest, credits };
    axes(&mut picture, &scale);
    area(&mut picture, &scale, (&book.buy, &buy), lowest, "#2e7d32");
    area(&mut picture, &scale, (&book.sell, &sell), highest, "#c62828");
    text(&mut picture, (WIDTH - RIGHT - 90, 28), "end", "buying: green");
    text(&mut picture, (WIDTH - RIGHT, 28), "end", "selling: red");
    picture.push_str("</svg>\n");
    picture
}

/// The steps of one side, from its best price to the edge of the picture.
fn area(
    picture: &mut String,
    scale: &Scale,
    (levels, sums): (&[DepthLevel], &[u64]),
    edge: Amount,
    colour: &str,
) {
    let Some(best) = levels.first() else { return };
    let mut path = format!("M{} {}", scale.x(best.price), scale.y(0));
    for (level, sum) in levels.iter().zip(sums) {
        // As far as the price the sum stays what it was.
        push(&mut path, format_args!(" H{} V{}", scale.x(level.price), scale.y(*sum)));
    }
    push(&mut path, format_args!(" H{} V{} Z", scale.x(edge), scale.y(0)));
    push(
        picture,
        format_args!(
            "<path d=\"{path}\" fill=\"{colour}\" fill-opacity=\"0.25\" stroke=\"{colour}\" \
             stroke-width=\"1.5\"/>\n"
        ),
    );
}

/// Both axes with marks, numbers and units.
fn axes(picture: &mut String, scale: &Scale) {
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    push(
        picture,
        format_args!(
            "<path d=\"M{LEFT} {TOP} V{bottom} H{right}\" fill=\"none\" stroke=\"#444444\"/>\n"
        ),
    );
    let span = scale.highest.saturating_sub(scale.lowest);
    for mark in 0..=MARKS {
        let along = Amount(span.0.saturating_mul(mark.into()) / u128::from(MARKS));
        let price = scale.lowest.saturating_add(along);
        text(picture, (scale.x(price), bottom + 18), "middle", &price.to_ainu());
        let credits = u128::from(scale.credits) * u128::from(mark) / u128::from(MARKS);
        let credits = u64::try_from(credits).unwrap_or(scale.credits);
        text(picture, (LEFT - 8, scale.y(credits) + 4), "end", &credits.to_string());
    }
    text(picture, (LEFT.midpoint(right), HEIGHT - 14), "middle", "price (AINU for each credit)");
    let middle = TOP.midpoint(bottom);
    push(
        picture,
        format_args!(
            "<text x=\"18\" y=\"{middle}\" text-anchor=\"middle\" \
             transform=\"rotate(-90 18 {middle})\">credits at this price or better</text>\n"
        ),
    );
}

fn text(picture: &mut String, (x, y): (u64, u64), anchor: &str, words: &str) {
    let words = escaped(words);
    push(
        picture,
        format_args!("<text x=\"{x}\" y=\"{y}\" text-anchor=\"{anchor}\">{words}</text>\n"),
    );
}

fn push(picture: &mut String, what: std::fmt::Arguments<'_>) {
    picture.write_fmt(what).expect("a string takes everything");
}

/// Text as it may stand in XML.
fn escaped(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut escaped, symbol| {
        match symbol {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            other => escaped.push(other),
        }
        escaped
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_no_longer_than_the_terminal_allows_and_never_hide_something() {
        assert_eq!(bar(0, 10), "");
        assert_eq!(bar(1, u64::MAX), "▏");
        assert_eq!(bar(10, 10).chars().count() as u64, BAR_COLUMNS);
        assert_eq!(bar(5, 10).chars().count() as u64, BAR_COLUMNS / 2);
        assert_eq!(bar(u64::MAX, u64::MAX).chars().count() as u64, BAR_COLUMNS);
    }

    #[test]
    fn sums_go_on_from_the_best_price() {
        let level = |price, quantity| DepthLevel { price: Amount(price), quantity, orders: 1 };
        assert_eq!(cumulative(&[level(1, 2), level(2, 3), level(3, u64::MAX)]), [2, 5, u64::MAX]);
    }

    #[test]
    fn the_picture_stays_inside_its_frame_and_text_cannot_leave_its_place() {
        let scale = Scale { lowest: Amount(5), highest: Amount(u128::from(u64::MAX)), credits: 7 };
        assert_eq!((scale.x(Amount(5)), scale.x(scale.highest)), (LEFT, WIDTH - RIGHT));
        assert_eq!((scale.y(0), scale.y(7)), (HEIGHT - BOTTOM, TOP));
        assert_eq!(escaped("<a href='x'>&\""), "&lt;a href=&apos;x&apos;&gt;&amp;&quot;");
    }
}
