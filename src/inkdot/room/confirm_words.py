"""What is asked, mailed and shown where consent is confirmed, in five languages."""

from __future__ import annotations

from typing import NamedTuple


class Words(NamedTuple):
    """One language."""

    mail: str
    """Agree to be written to."""
    advertising: str
    push: str
    subject: str
    letter: str
    """{sender}, {text}, {url}, {days}"""
    title: str
    lead: str
    """{sender} asks."""
    confirm: str
    done: str
    ended: str
    form_title: str
    address: str
    send: str
    sent: str
    unticked: str
    no_address: str
    no_mail: str


WORDS = {
    "en": Words(
        "I would like to get mails from the sender. I can end that at any time.",
        "I agree that the sender puts a fingerprint (hash) of my address on lists for advertising. I can take this back at any time.",
        "I agree to messages in my browser because of what I open and click. I can end that at any time.",
        "Please confirm",
        "Hello,\n\n{sender} asks you:\n\n    {text}\n\nIf you agree, open this page and confirm there:\n{url}\n\n"
        "If you do nothing, nothing changes, and you will not be asked again for half a year. The link works for {days} days. "
        "This mail carries no marks: nobody learns whether you opened it.\n",
        "Do you agree?", "{sender} asks you:", "Yes, I agree",
        "Thank you. Your choice was written down. You can take it back at any time, here:",
        "This link has ended. Nothing was changed.",
        "Your choice", "Your mail address", "Send",
        "Look into your mailbox: if this address may be written to, a mail is on its way. Only what you confirm there counts.",
        "Nothing was sent: the box was not ticked.", "Nothing was sent: give a mail address.",
        "No mail can be sent from here just now. Try again later.",
    ),
    "de": Words(
        "Ich möchte Mails des Absenders bekommen. Das kann ich jederzeit beenden.",
        "Ich bin einverstanden, dass der Absender eine Prüfsumme (Hash) meiner Adresse auf Listen für Werbung setzt. Ich kann das jederzeit zurücknehmen.",
        "Ich bin mit Nachrichten in meinem Browser einverstanden, je nachdem, was ich öffne und anklicke. Das kann ich jederzeit beenden.",
        "Bitte bestätigen",
        "Guten Tag,\n\n{sender} fragt Sie:\n\n    {text}\n\nWenn Sie einverstanden sind, öffnen Sie diese Seite und bestätigen Sie dort:\n{url}\n\n"
        "Wenn Sie nichts tun, ändert sich nichts, und Sie werden ein halbes Jahr lang nicht wieder gefragt. Der Link gilt {days} Tage. "
        "Diese Mail trägt keine Zeichen: Niemand erfährt, ob Sie sie geöffnet haben.\n",
        "Sind Sie einverstanden?", "{sender} fragt Sie:", "Ja, ich bin einverstanden",
        "Danke. Ihre Wahl ist festgehalten. Zurücknehmen können Sie sie jederzeit hier:",
        "Dieser Link gilt nicht mehr. Nichts wurde geändert.",
        "Ihre Wahl", "Ihre Mailadresse", "Absenden",
        "Sehen Sie in Ihr Postfach: Darf an diese Adresse geschrieben werden, ist eine Mail unterwegs. Erst was Sie dort bestätigen, zählt.",
        "Nichts wurde gesendet: Das Kästchen war nicht angekreuzt.", "Nichts wurde gesendet: Geben Sie eine Mailadresse an.",
        "Gerade kann von hier keine Mail gesendet werden. Bitte später noch einmal versuchen.",
    ),
    "fr": Words(
        "Je souhaite recevoir les messages de l’expéditeur. Je peux y mettre fin à tout moment.",
        "J’accepte que l’expéditeur place l’empreinte (hash) de mon adresse sur des listes publicitaires. Je peux retirer cet accord à tout moment.",
        "J’accepte des messages dans mon navigateur selon ce que j’ouvre et clique. Je peux y mettre fin à tout moment.",
        "Merci de confirmer",
        "Bonjour,\n\n{sender} vous demande :\n\n    {text}\n\nSi vous êtes d’accord, ouvrez cette page et confirmez :\n{url}\n\n"
        "Si vous ne faites rien, rien ne change et la question ne sera pas reposée avant six mois. Le lien vaut {days} jours. "
        "Ce message ne porte aucune marque : personne n’apprend si vous l’avez ouvert.\n",
        "Êtes-vous d’accord ?", "{sender} vous demande :", "Oui, j’accepte",
        "Merci. Votre choix est noté. Vous pouvez le retirer à tout moment ici :",
        "Ce lien n’est plus valable. Rien n’a changé.",
        "Votre choix", "Votre adresse", "Envoyer",
        "Consultez votre boîte : si l’on peut écrire à cette adresse, un message est en route. Seul compte ce que vous y confirmez.",
        "Rien n’a été envoyé : la case n’était pas cochée.", "Rien n’a été envoyé : indiquez une adresse.",
        "Aucun message ne peut être envoyé pour l’instant. Réessayez plus tard.",
    ),
    "it": Words(
        "Desidero ricevere i messaggi del mittente. Posso smettere in qualsiasi momento.",
        "Accetto che il mittente inserisca l’impronta (hash) del mio indirizzo in liste pubblicitarie. Posso revocarlo in qualsiasi momento.",
        "Accetto messaggi nel mio browser in base a ciò che apro e clicco. Posso smettere in qualsiasi momento.",
        "Conferma, per favore",
        "Buongiorno,\n\n{sender} ti chiede:\n\n    {text}\n\nSe sei d’accordo, apri questa pagina e conferma:\n{url}\n\n"
        "Se non fai nulla, nulla cambia e non ti sarà richiesto per sei mesi. Il link vale {days} giorni. "
        "Questo messaggio non contiene segni: nessuno saprà se l’hai aperto.\n",
        "Sei d’accordo?", "{sender} ti chiede:", "Sì, accetto",
        "Grazie. La tua scelta è registrata. Puoi revocarla in qualsiasi momento qui:",
        "Questo link non vale più. Nulla è cambiato.",
        "La tua scelta", "Il tuo indirizzo", "Invia",
        "Guarda nella tua casella: se si può scrivere a questo indirizzo, un messaggio è in arrivo. Conta solo ciò che confermi lì.",
        "Non è stato inviato nulla: la casella non era spuntata.", "Non è stato inviato nulla: indica un indirizzo.",
        "Ora non si può inviare alcun messaggio. Riprova più tardi.",
    ),
    "es": Words(
        "Quiero recibir mensajes del remitente. Puedo terminarlo en cualquier momento.",
        "Acepto que el remitente ponga la huella (hash) de mi dirección en listas de publicidad. Puedo retirarlo en cualquier momento.",
        "Acepto mensajes en mi navegador según lo que abra y pulse. Puedo terminarlo en cualquier momento.",
        "Confirme, por favor",
        "Hola,\n\n{sender} le pregunta:\n\n    {text}\n\nSi está de acuerdo, abra esta página y confirme:\n{url}\n\n"
        "Si no hace nada, nada cambia y no se le volverá a preguntar en medio año. El enlace vale {days} días. "
        "Este mensaje no lleva marcas: nadie sabrá si lo abrió.\n",
        "¿Está de acuerdo?", "{sender} le pregunta:", "Sí, acepto",
        "Gracias. Su elección quedó anotada. Puede retirarla en cualquier momento aquí:",
        "Este enlace ya no vale. No se cambió nada.",
        "Su elección", "Su dirección", "Enviar",
        "Mire su buzón: si se puede escribir a esta dirección, un mensaje está en camino. Solo cuenta lo que confirme allí.",
        "No se envió nada: la casilla no estaba marcada.", "No se envió nada: indique una dirección.",
        "Ahora no se puede enviar ningún mensaje. Inténtelo más tarde.",
    ),
}  # fmt: skip
