//! Japanese.

use super::Words;

pub(super) static WORDS: Words = Words {
    administrator_subject: "{organisation} の管理者アカウント",
    administrator_what: "{organisation} の二要素認証の管理をお願いします。",
    administrator_how: "こちらで管理者アカウントを設定してください。",
    administrator_link: "アカウントを設定",
    enroll_subject: "{organisation} の二要素認証を設定してください",
    enroll_what: "{organisation} では、アカウント {username} を二つ目の認証要素で保護します。",
    enroll_how: "このページで設定してください。1分ほどで終わります。スマートフォンをお手元にご用意ください。",
    enroll_link: "二要素認証を設定",
    phone_how: "スマートフォンでこのリンクを開いて設定してください。",
    phone_link: "このスマートフォンを設定",
    until: "リンクの有効期限は {time} です。",
    not_expected: "このリンクは一度だけ使え、ご本人専用です。ほかの人に渡さないでください。心当たりがない場合は管理者にお知らせください。",
    test_subject: "{organisation} からのテストメッセージ",
    test_what: "このサーバーからのメールは届いています。何もする必要はありません。",
    of: "{what}（{organisation}）",
    when: "日時: {time}",
    from: "要求元: {address}",
    not_you: "ご本人の操作であれば、何もする必要はありません。心当たりがない場合は、すぐに管理者にお知らせください。",
    device_added: ["デバイスが追加されました", "アカウント {username} にデバイスが追加されました: {device}"],
    device_renamed: [
        "デバイスの名前が変わりました",
        "アカウント {username} のデバイスの名前が {device} に変わりました。",
    ],
    device_first: [
        "最初に使うデバイスが変わりました",
        "アカウント {username} でログインするとき、これからは {device} が最初に使われます。",
    ],
    device_removed: ["デバイスが削除されました", "アカウント {username} からデバイスが削除されました: {device}"],
    device_lost: [
        "紛失したデバイスが削除されました",
        "{device} は紛失として届け出があり、アカウント {username} から削除されました。記憶されたブラウザーでも、もう一度二つ目の認証要素が必要です。",
    ],
    key_added: [
        "セキュリティキーまたはパスキーが追加されました",
        "アカウント {username} にセキュリティキーまたはパスキーが追加されました: {device}",
    ],
    key_removed: [
        "セキュリティキーまたはパスキーが削除されました",
        "アカウント {username} からセキュリティキーまたはパスキーが削除されました: {device}",
    ],
    browser_forgotten: [
        "ブラウザーの記憶が取り消されました",
        "アカウント {username} で記憶されていたブラウザーの一つで、もう一度二つ目の認証要素が必要になりました。",
    ],
    browsers_forgotten: [
        "すべてのブラウザーの記憶が取り消されました",
        "アカウント {username} で記憶されていたすべてのブラウザーで、もう一度二つ目の認証要素が必要になりました。",
    ],
    recovery_codes: [
        "新しい復旧コード",
        "アカウント {username} の新しい復旧コードが作られました。以前のコードは使えません。",
    ],
    bypass_codes: ["新しいバイパスコード", "管理者があなたのアカウント {username} のバイパスコードを作成しました。"],
    login_reported: [
        "ログインの報告がありました",
        "アカウント {username} へのログインが、本人のものではないと報告されました。管理者に通知済みです。",
    ],
    moved: [
        "認証アプリが新しいデバイスに移りました",
        "アカウント {username} の認証アプリは {device} に移りました。以前のデバイスでは使えません。",
    ],
    move_undone: [
        "新しいデバイスが報告を受けて削除されました",
        "アカウント {username} の {device} への移行は本人の操作ではないと報告されました。移行は取り消され、管理者に通知済みです。",
    ],
};
