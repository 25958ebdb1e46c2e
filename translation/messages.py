"""What the visitor reads when something goes wrong: one sentence per error code and language.

Sources: PORTAL-FACTS "What breaks it" (only ``Message`` reaches the visitor), RFC 9110 section 12.5.4 (Accept-Language),
RFC 4647 section 3.4 (lookup). A part in square brackets around ``{detail}`` is left out when an error has no detail.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from translation.errors import ERRORS, ProxyError

MAX_SENTENCE_LENGTH: Final = 500
MAX_HEADER_LENGTH: Final = 500
MAX_RANGES: Final = 20
DEFAULT_LANGUAGE: Final = "en"
UNDETERMINED: Final = "und"
"""The language tag of a sentence whose language is not known (RFC 5646 section 4.1)."""

_TAG: Final = re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*")
_RANGE: Final = re.compile(
    rf"[ \t]*(\*|{_TAG.pattern})[ \t]*(?:;[ \t]*[Qq][ \t]*=[ \t]*(0(?:\.[0-9]{{0,3}})?|1(?:\.0{{0,3}})?)[ \t]*)?"
)
_OPTIONAL: Final = re.compile(r"\[([^\[\]{}]*)\{detail\}([^\[\]{}]*)\]")

MESSAGES: Final[dict[str, dict[str, str]]] = {
    "en": {
        "BadTarget": "This address is not valid. Please go back to the event page and try again.",
        "InvalidParameter": "A part of this address is not valid[ ({detail})]. Please go back to the event page and try again.",
        "BadHeaders": "We could not read what your browser sent. Please reload the page or try another browser.",
        "InvalidBody": "Something in the form is missing or not valid[ ({detail})]. Please check what you entered and "
        "send it again.",
        "InvalidCalendarData": "This calendar link is incomplete or not valid[ ({detail})]. Please open it again from "
        "your e-mail, or ask the organiser for a new one.",
        "OperationNotFound": "There is nothing at this address. Please go back to the event page.",
        "PortalNotFound": "This event page is not set up here. Please tell the organiser.",
        "NotFound": "We could not find this. It may have been moved or may not be open yet. Please look at the list of "
        "events, or ask the organiser.",
        "MethodNotAllowed": "This is not possible here. Please go back to the event page and try again.",
        "RequestTimeout": "Your request did not arrive in time. Please check your connection and try again.",
        "BodyTooLarge": "You sent more than we can accept. Please shorten your answers and send them again.",
        "TargetTooLong": "This address is too long. Please go back to the event page and try again.",
        "UnsupportedMediaType": "We could not read the form. Please reload the page and try again.",
        "HeadersTooLarge": "Your browser sent more than we can accept. Please delete the cookies of this page and try again.",
        "UpstreamRejected": "Your request was not accepted. Please check what you entered and try again.",
        "TooManyRequests": "Very many people are using this page right now. Please wait a few minutes and try again.",
        "RateLimited": "You sent very many requests in a short time. Please wait a minute and try again.",
        "OriginNotAllowed": "Registering is not possible from this page. Please open the event page of the organiser and "
        "register there.",
        "ClientTokenMissing": "This page is not set up completely. Please tell the organiser.",
        "ClientTokenInvalid": "This page is out of date. Please reload it. If it happens again, please tell the organiser.",
        "ChallengeFailed": "We could not confirm that a person sent this form, so you are not registered. Please reload the "
        "page, fill in only the fields that you see, and try again.",
        "SentTooSoon": "That was faster than we expect of a person, so you are not registered yet. Please wait a few seconds "
        "and send the form again.",
        "ChallengeUnavailable": "We cannot check right now that a person sent this form, so you are not registered. Please "
        "try again in a few minutes.",
        "UserAuthenticationNotSupported": "Signing in is no longer available here. You can register without an account.",
        "CaptchaNotSupported": "The picture check is no longer available here. Please reload the page and register without it.",
        "TrackSessionsNotAvailable": "We cannot show the sessions of this track. Please look at the list of all sessions.",
        "SwitchedOff": "This is not available at the moment. Please try again later, or ask the organiser.",
        "RegistrationClosed": "Registration for this event is closed. You can still look at its page.",
        "ArchiveUnreadable": "We cannot show this past event at the moment. Please try again later, or tell the organiser.",
        "EventPlaceUnknown": "We cannot take your registration at the moment. Nothing was sent. Please try again in a few "
        "minutes.",
        "UpstreamRefusedProxy": "This page does not work at the moment. Please try again later, or tell the organiser.",
        "UpstreamUnreachable": "The event service cannot be reached at the moment. Please try again in a few minutes.",
        "BreakerOpen": "The event service does not work at the moment, so nothing was sent. If you were registering: you are "
        "not registered yet. Please try again in a few minutes.",
        "UpstreamFailed": "The event service has a problem at the moment. Please try again in a few minutes.",
        "UpstreamAnswerInvalid": "We could not read the answer of the event service. Please try again in a few minutes.",
        "UpstreamAnswerTooLarge": "This is too large for us to show. Please tell the organiser.",
        "RegistrationAnswerUnreadable": "We could not confirm your registration. It may have been received: please do "
        "not send it again before you have checked your e-mail or asked the organiser.",
        "UpstreamTimeout": "The event service took too long to answer. Please try again in a few minutes.",
        "RegistrationOutcomeUnknown": "We could not confirm your registration. It may have been received: please do not "
        "send it again before you have checked your e-mail or asked the organiser.",
        "InternalError": "Something went wrong on our side. Please try again. If it happens again, tell the organiser.",
        "Overloaded": "Very many people are using this page right now. Please wait a moment and try again.",
        "Stopping": "This page is being restarted. Nothing was sent. Please try again in a moment.",
    },
    "de": {
        "BadTarget": "Diese Adresse ist nicht gültig. Bitte gehen Sie zurück zur Veranstaltungsseite und versuchen Sie "
        "es noch einmal.",
        "InvalidParameter": "Ein Teil dieser Adresse ist nicht gültig[ ({detail})]. Bitte gehen Sie zurück zur "
        "Veranstaltungsseite und versuchen Sie es noch einmal.",
        "BadHeaders": "Wir konnten nicht lesen, was Ihr Browser gesendet hat. Bitte laden Sie die Seite neu oder "
        "verwenden Sie einen anderen Browser.",
        "InvalidBody": "Im Formular fehlt etwas, oder eine Angabe ist nicht gültig[ ({detail})]. Bitte prüfen Sie Ihre "
        "Angaben und senden Sie sie noch einmal.",
        "InvalidCalendarData": "Dieser Kalenderlink ist unvollständig oder nicht gültig[ ({detail})]. Bitte öffnen Sie "
        "ihn noch einmal aus Ihrer E-Mail oder bitten Sie den Veranstalter um einen neuen.",
        "OperationNotFound": "Unter dieser Adresse gibt es nichts. Bitte gehen Sie zurück zur Veranstaltungsseite.",
        "PortalNotFound": "Diese Veranstaltungsseite ist hier nicht eingerichtet. Bitte sagen Sie dem Veranstalter Bescheid.",
        "NotFound": "Das konnten wir nicht finden. Vielleicht wurde es verschoben oder ist noch nicht geöffnet. Bitte "
        "sehen Sie in der Liste der Veranstaltungen nach oder fragen Sie den Veranstalter.",
        "MethodNotAllowed": "Das ist hier nicht möglich. Bitte gehen Sie zurück zur Veranstaltungsseite und versuchen "
        "Sie es noch einmal.",
        "RequestTimeout": "Ihre Anfrage ist nicht rechtzeitig angekommen. Bitte prüfen Sie Ihre Verbindung und "
        "versuchen Sie es noch einmal.",
        "BodyTooLarge": "Sie haben mehr gesendet, als wir annehmen können. Bitte kürzen Sie Ihre Antworten und senden "
        "Sie sie noch einmal.",
        "TargetTooLong": "Diese Adresse ist zu lang. Bitte gehen Sie zurück zur Veranstaltungsseite und versuchen Sie "
        "es noch einmal.",
        "UnsupportedMediaType": "Wir konnten das Formular nicht lesen. Bitte laden Sie die Seite neu und versuchen Sie "
        "es noch einmal.",
        "HeadersTooLarge": "Ihr Browser hat mehr gesendet, als wir annehmen können. Bitte löschen Sie die Cookies "
        "dieser Seite und versuchen Sie es noch einmal.",
        "UpstreamRejected": "Ihre Anfrage wurde nicht angenommen. Bitte prüfen Sie Ihre Angaben und versuchen Sie es "
        "noch einmal.",
        "TooManyRequests": "Gerade nutzen sehr viele Menschen diese Seite. Bitte warten Sie einige Minuten und "
        "versuchen Sie es noch einmal.",
        "RateLimited": "Sie haben in kurzer Zeit sehr viele Anfragen gesendet. Bitte warten Sie eine Minute und versuchen "
        "Sie es noch einmal.",
        "OriginNotAllowed": "Von dieser Seite aus können Sie sich nicht registrieren. Bitte öffnen Sie die "
        "Veranstaltungsseite des Veranstalters.",
        "ClientTokenMissing": "Diese Seite ist nicht vollständig eingerichtet. Bitte sagen Sie dem Veranstalter Bescheid.",
        "ClientTokenInvalid": "Diese Seite ist veraltet. Bitte laden Sie sie neu. Wenn es wieder geschieht, sagen Sie dem "
        "Veranstalter Bescheid.",
        "ChallengeFailed": "Wir konnten nicht bestätigen, dass ein Mensch dieses Formular gesendet hat. Sie sind nicht "
        "registriert. Bitte laden Sie die Seite neu, füllen Sie nur die sichtbaren Felder aus und versuchen Sie es noch "
        "einmal.",
        "SentTooSoon": "Das ging schneller, als wir es von einem Menschen erwarten. Sie sind noch nicht registriert. Bitte "
        "warten Sie einige Sekunden und senden Sie das Formular noch einmal.",
        "ChallengeUnavailable": "Wir können gerade nicht prüfen, ob ein Mensch dieses Formular gesendet hat. Sie sind nicht "
        "registriert. Bitte versuchen Sie es in einigen Minuten noch einmal.",
        "UserAuthenticationNotSupported": "Eine Anmeldung mit Benutzerkonto gibt es hier nicht mehr. Sie können sich "
        "ohne Konto für die Veranstaltung registrieren.",
        "CaptchaNotSupported": "Die Bildprüfung gibt es hier nicht mehr. Bitte laden Sie die Seite neu und registrieren "
        "Sie sich ohne sie.",
        "TrackSessionsNotAvailable": "Wir können die Sitzungen dieser Reihe nicht anzeigen. Bitte sehen Sie in der "
        "Liste aller Sitzungen nach.",
        "SwitchedOff": "Das ist im Moment nicht verfügbar. Bitte versuchen Sie es später noch einmal oder fragen Sie den "
        "Veranstalter.",
        "RegistrationClosed": "Die Registrierung für diese Veranstaltung ist geschlossen. Die Seite können Sie weiterhin "
        "ansehen.",
        "ArchiveUnreadable": "Wir können diese vergangene Veranstaltung im Moment nicht anzeigen. Bitte versuchen Sie es "
        "später noch einmal oder sagen Sie dem Veranstalter Bescheid.",
        "EventPlaceUnknown": "Wir können Ihre Registrierung im Moment nicht annehmen. Es wurde nichts gesendet. Bitte "
        "versuchen Sie es in einigen Minuten noch einmal.",
        "UpstreamRefusedProxy": "Diese Seite funktioniert im Moment nicht. Bitte versuchen Sie es später noch einmal "
        "oder sagen Sie dem Veranstalter Bescheid.",
        "UpstreamUnreachable": "Der Veranstaltungsdienst ist im Moment nicht erreichbar. Bitte versuchen Sie es in "
        "einigen Minuten noch einmal.",
        "BreakerOpen": "Der Veranstaltungsdienst funktioniert im Moment nicht, deshalb wurde nichts gesendet. Falls Sie sich "
        "gerade registrieren: Sie sind noch nicht registriert. Bitte versuchen Sie es in einigen Minuten noch einmal.",
        "UpstreamFailed": "Der Veranstaltungsdienst hat im Moment eine Störung. Bitte versuchen Sie es in einigen "
        "Minuten noch einmal.",
        "UpstreamAnswerInvalid": "Wir konnten die Antwort des Veranstaltungsdienstes nicht lesen. Bitte versuchen Sie "
        "es in einigen Minuten noch einmal.",
        "UpstreamAnswerTooLarge": "Das ist zu groß, um es anzuzeigen. Bitte sagen Sie dem Veranstalter Bescheid.",
        "RegistrationAnswerUnreadable": "Wir konnten Ihre Registrierung nicht bestätigen. Sie kann trotzdem angekommen "
        "sein: Bitte senden Sie sie nicht noch einmal, bevor Sie Ihre E-Mails geprüft oder den Veranstalter gefragt "
        "haben.",
        "UpstreamTimeout": "Der Veranstaltungsdienst hat zu lange nicht geantwortet. Bitte versuchen Sie es in einigen "
        "Minuten noch einmal.",
        "RegistrationOutcomeUnknown": "Wir konnten Ihre Registrierung nicht bestätigen. Sie kann trotzdem angekommen "
        "sein: Bitte senden Sie sie nicht noch einmal, bevor Sie Ihre E-Mails geprüft oder den Veranstalter gefragt "
        "haben.",
        "InternalError": "Bei uns ist etwas schiefgegangen. Bitte versuchen Sie es noch einmal. Wenn es wieder "
        "geschieht, sagen Sie dem Veranstalter Bescheid.",
        "Overloaded": "Gerade nutzen sehr viele Menschen diese Seite. Bitte warten Sie einen Moment und versuchen Sie "
        "es noch einmal.",
        "Stopping": "Diese Seite wird gerade neu gestartet. Es wurde nichts gesendet. Bitte versuchen Sie es gleich noch einmal.",
    },
    "fr": {
        "BadTarget": "Cette adresse n'est pas valable. Veuillez revenir à la page de l'événement et réessayer.",
        "InvalidParameter": "Une partie de cette adresse n'est pas valable[ ({detail})]. Veuillez revenir à la page de "
        "l'événement et réessayer.",
        "BadHeaders": "Nous n'avons pas pu lire ce que votre navigateur a envoyé. Veuillez recharger la page ou essayer "
        "un autre navigateur.",
        "InvalidBody": "Il manque quelque chose dans le formulaire, ou une réponse n'est pas valable[ ({detail})]. "
        "Veuillez vérifier vos réponses et les envoyer à nouveau.",
        "InvalidCalendarData": "Ce lien de calendrier est incomplet ou n'est pas valable[ ({detail})]. Veuillez "
        "l'ouvrir à nouveau depuis votre e-mail ou en demander un nouveau à l'organisateur.",
        "OperationNotFound": "Il n'y a rien à cette adresse. Veuillez revenir à la page de l'événement.",
        "PortalNotFound": "Cette page d'événement n'est pas configurée ici. Veuillez prévenir l'organisateur.",
        "NotFound": "Nous n'avons pas trouvé ce que vous cherchez. Cela a peut-être été déplacé ou n'est pas encore "
        "ouvert. Veuillez consulter la liste des événements ou demander à l'organisateur.",
        "MethodNotAllowed": "Ce n'est pas possible ici. Veuillez revenir à la page de l'événement et réessayer.",
        "RequestTimeout": "Votre demande n'est pas arrivée à temps. Veuillez vérifier votre connexion et réessayer.",
        "BodyTooLarge": "Vous avez envoyé plus que nous ne pouvons accepter. Veuillez raccourcir vos réponses et les "
        "envoyer à nouveau.",
        "TargetTooLong": "Cette adresse est trop longue. Veuillez revenir à la page de l'événement et réessayer.",
        "UnsupportedMediaType": "Nous n'avons pas pu lire le formulaire. Veuillez recharger la page et réessayer.",
        "HeadersTooLarge": "Votre navigateur a envoyé plus que nous ne pouvons accepter. Veuillez supprimer les cookies "
        "de cette page et réessayer.",
        "UpstreamRejected": "Votre demande n'a pas été acceptée. Veuillez vérifier vos réponses et réessayer.",
        "TooManyRequests": "Un très grand nombre de personnes utilisent cette page en ce moment. Veuillez patienter "
        "quelques minutes et réessayer.",
        "RateLimited": "Vous avez envoyé un très grand nombre de demandes en peu de temps. Veuillez patienter une minute et "
        "réessayer.",
        "OriginNotAllowed": "Il n'est pas possible de s'inscrire depuis cette page. Veuillez ouvrir la page de l'événement "
        "de l'organisateur.",
        "ClientTokenMissing": "Cette page n'est pas entièrement configurée. Veuillez prévenir l'organisateur.",
        "ClientTokenInvalid": "Cette page n'est plus à jour. Veuillez la recharger. Si cela se reproduit, prévenez "
        "l'organisateur.",
        "ChallengeFailed": "Nous n'avons pas pu confirmer qu'une personne a envoyé ce formulaire : vous n'êtes pas inscrit. "
        "Veuillez recharger la page, ne remplir que les champs visibles et réessayer.",
        "SentTooSoon": "C'était plus rapide que ce que nous attendons d'une personne : vous n'êtes pas encore inscrit. "
        "Veuillez patienter quelques secondes et envoyer le formulaire à nouveau.",
        "ChallengeUnavailable": "Nous ne pouvons pas vérifier en ce moment qu'une personne a envoyé ce formulaire : vous "
        "n'êtes pas inscrit. Veuillez réessayer dans quelques minutes.",
        "UserAuthenticationNotSupported": "Il n'est plus possible de se connecter ici. Vous pouvez vous inscrire sans compte.",
        "CaptchaNotSupported": "La vérification par image n'existe plus ici. Veuillez recharger la page et vous "
        "inscrire sans elle.",
        "TrackSessionsNotAvailable": "Nous ne pouvons pas afficher les sessions de ce parcours. Veuillez consulter la "
        "liste de toutes les sessions.",
        "SwitchedOff": "Ceci n'est pas disponible en ce moment. Veuillez réessayer plus tard ou demander à l'organisateur.",
        "RegistrationClosed": "Les inscriptions à cet événement sont closes. Vous pouvez toujours consulter sa page.",
        "ArchiveUnreadable": "Nous ne pouvons pas afficher cet événement passé en ce moment. Veuillez réessayer plus tard ou "
        "prévenir l'organisateur.",
        "EventPlaceUnknown": "Nous ne pouvons pas prendre votre inscription en ce moment. Rien n'a été envoyé. Veuillez "
        "réessayer dans quelques minutes.",
        "UpstreamRefusedProxy": "Cette page ne fonctionne pas en ce moment. Veuillez réessayer plus tard ou prévenir "
        "l'organisateur.",
        "UpstreamUnreachable": "Le service des événements est injoignable en ce moment. Veuillez réessayer dans "
        "quelques minutes.",
        "BreakerOpen": "Le service des événements ne fonctionne pas en ce moment, rien n'a donc été envoyé. Si vous étiez en "
        "train de vous inscrire : vous n'êtes pas encore inscrit. Veuillez réessayer dans quelques minutes.",
        "UpstreamFailed": "Le service des événements a un problème en ce moment. Veuillez réessayer dans quelques minutes.",
        "UpstreamAnswerInvalid": "Nous n'avons pas pu lire la réponse du service des événements. Veuillez réessayer "
        "dans quelques minutes.",
        "UpstreamAnswerTooLarge": "Le contenu est trop volumineux pour être affiché. Veuillez prévenir l'organisateur.",
        "RegistrationAnswerUnreadable": "Nous n'avons pas pu confirmer votre inscription. Elle a peut-être été reçue : "
        "veuillez ne pas l'envoyer à nouveau avant d'avoir vérifié vos e-mails ou demandé à l'organisateur.",
        "UpstreamTimeout": "Le service des événements a mis trop de temps à répondre. Veuillez réessayer dans quelques minutes.",
        "RegistrationOutcomeUnknown": "Nous n'avons pas pu confirmer votre inscription. Elle a peut-être été reçue : "
        "veuillez ne pas l'envoyer à nouveau avant d'avoir vérifié vos e-mails ou demandé à l'organisateur.",
        "InternalError": "Une erreur s'est produite de notre côté. Veuillez réessayer. Si cela se reproduit, prévenez "
        "l'organisateur.",
        "Overloaded": "Un très grand nombre de personnes utilisent cette page en ce moment. Veuillez patienter un "
        "instant et réessayer.",
        "Stopping": "Cette page est en cours de redémarrage. Rien n'a été envoyé. Veuillez réessayer dans un instant.",
    },
    "es": {
        "BadTarget": "Esta dirección no es válida. Vuelva a la página del evento e inténtelo de nuevo.",
        "InvalidParameter": "Una parte de esta dirección no es válida[ ({detail})]. Vuelva a la página del evento e "
        "inténtelo de nuevo.",
        "BadHeaders": "No hemos podido leer lo que envió su navegador. Vuelva a cargar la página o pruebe con otro navegador.",
        "InvalidBody": "Falta algo en el formulario o algún dato no es válido[ ({detail})]. Revise sus datos y "
        "envíelos de nuevo.",
        "InvalidCalendarData": "Este enlace de calendario está incompleto o no es válido[ ({detail})]. Ábralo de nuevo "
        "desde su correo o pida uno nuevo al organizador.",
        "OperationNotFound": "No hay nada en esta dirección. Vuelva a la página del evento.",
        "PortalNotFound": "Esta página de eventos no está configurada aquí. Avise al organizador.",
        "NotFound": "No hemos encontrado lo que busca. Puede que se haya movido o que todavía no esté abierto. Consulte "
        "la lista de eventos o pregunte al organizador.",
        "MethodNotAllowed": "Esto no es posible aquí. Vuelva a la página del evento e inténtelo de nuevo.",
        "RequestTimeout": "Su solicitud no llegó a tiempo. Compruebe su conexión e inténtelo de nuevo.",
        "BodyTooLarge": "Ha enviado más de lo que podemos aceptar. Acorte sus respuestas y envíelas de nuevo.",
        "TargetTooLong": "Esta dirección es demasiado larga. Vuelva a la página del evento e inténtelo de nuevo.",
        "UnsupportedMediaType": "No hemos podido leer el formulario. Vuelva a cargar la página e inténtelo de nuevo.",
        "HeadersTooLarge": "Su navegador envió más de lo que podemos aceptar. Borre las cookies de esta página e "
        "inténtelo de nuevo.",
        "UpstreamRejected": "Su solicitud no fue aceptada. Revise sus datos e inténtelo de nuevo.",
        "TooManyRequests": "Muchísimas personas están usando esta página en este momento. Espere unos minutos e "
        "inténtelo de nuevo.",
        "RateLimited": "Ha enviado muchísimas solicitudes en poco tiempo. Espere un minuto e inténtelo de nuevo.",
        "OriginNotAllowed": "No es posible inscribirse desde esta página. Abra la página del evento del organizador.",
        "ClientTokenMissing": "Esta página no está configurada por completo. Avise al organizador.",
        "ClientTokenInvalid": "Esta página no está actualizada. Vuelva a cargarla. Si vuelve a ocurrir, avise al organizador.",
        "ChallengeFailed": "No hemos podido confirmar que una persona envió este formulario, así que no está inscrito. "
        "Vuelva a cargar la página, rellene solo los campos visibles e inténtelo de nuevo.",
        "SentTooSoon": "Ha sido más rápido de lo que esperamos de una persona, así que todavía no está inscrito. Espere unos "
        "segundos y envíe el formulario de nuevo.",
        "ChallengeUnavailable": "No podemos comprobar en este momento que una persona envió este formulario, así que no está "
        "inscrito. Inténtelo de nuevo en unos minutos.",
        "UserAuthenticationNotSupported": "Ya no es posible iniciar sesión aquí. Puede inscribirse sin una cuenta.",
        "CaptchaNotSupported": "La comprobación con imagen ya no existe aquí. Vuelva a cargar la página e inscríbase sin ella.",
        "TrackSessionsNotAvailable": "No podemos mostrar las sesiones de este itinerario. Consulte la lista de todas las "
        "sesiones.",
        "SwitchedOff": "Esto no está disponible en este momento. Inténtelo más tarde o pregunte al organizador.",
        "RegistrationClosed": "La inscripción para este evento está cerrada. Aún puede consultar su página.",
        "ArchiveUnreadable": "No podemos mostrar este evento pasado en este momento. Inténtelo más tarde o avise al organizador.",
        "EventPlaceUnknown": "No podemos aceptar su inscripción en este momento. No se ha enviado nada. Inténtelo de nuevo en "
        "unos minutos.",
        "UpstreamRefusedProxy": "Esta página no funciona en este momento. Inténtelo más tarde o avise al organizador.",
        "UpstreamUnreachable": "No se puede acceder al servicio de eventos en este momento. Inténtelo de nuevo en unos minutos.",
        "BreakerOpen": "El servicio de eventos no funciona en este momento, por lo que no se ha enviado nada. Si se estaba "
        "inscribiendo: todavía no está inscrito. Inténtelo de nuevo en unos minutos.",
        "UpstreamFailed": "El servicio de eventos tiene un problema en este momento. Inténtelo de nuevo en unos minutos.",
        "UpstreamAnswerInvalid": "No hemos podido leer la respuesta del servicio de eventos. Inténtelo de nuevo en unos minutos.",
        "UpstreamAnswerTooLarge": "El contenido es demasiado grande para mostrarlo. Avise al organizador.",
        "RegistrationAnswerUnreadable": "No hemos podido confirmar su inscripción. Es posible que se haya recibido: no "
        "la envíe de nuevo antes de revisar su correo o preguntar al organizador.",
        "UpstreamTimeout": "El servicio de eventos ha tardado demasiado en responder. Inténtelo de nuevo en unos minutos.",
        "RegistrationOutcomeUnknown": "No hemos podido confirmar su inscripción. Es posible que se haya recibido: no la "
        "envíe de nuevo antes de revisar su correo o preguntar al organizador.",
        "InternalError": "Algo ha fallado por nuestra parte. Inténtelo de nuevo. Si vuelve a ocurrir, avise al organizador.",
        "Overloaded": "Muchísimas personas están usando esta página en este momento. Espere un momento e inténtelo de nuevo.",
        "Stopping": "Esta página se está reiniciando. No se ha enviado nada. Inténtelo de nuevo dentro de un momento.",
    },
}
"""Language tag -> error code -> sentence."""


def language(accept_language: str | None, available: Collection[str], default: str = DEFAULT_LANGUAGE) -> str:
    """Choose the language of an answer by lookup (RFC 4647 section 3.4) with weights (RFC 9110 section 12.5.4).

    Args:
        accept_language: The header's value as received. Malformed ranges are skipped; what lies beyond ``MAX_RANGES``
            ranges or ``MAX_HEADER_LENGTH`` characters is not read.
        available: Language tags to choose from; letter case does not matter.
        default: The answer when nothing matches.

    Returns:
        A tag as spelled in ``available``, or ``default``.
    """
    by_tag = {tag.lower(): tag for tag in available}
    weights = _weights(accept_language or "")
    # ``sorted`` is stable, so ranges of one weight stay in the visitor's order.
    for wanted in sorted(weights, key=weights.__getitem__, reverse=True):
        if weights[wanted] == 0:
            break
        for candidate in _truncations(wanted):
            # A language refused with ``q=0`` is not reached by way of one of its regions either.
            if candidate in by_tag and weights.get(candidate, 1.0) > 0:
                return by_tag[candidate]
    return default


def _weights(header: str) -> dict[str, float]:
    """The well-formed ranges of a header in lower case with their weights; the first of doubled ones counts.

    ``*`` is one of them and matches no tag: in a lookup it says no more than the default does (RFC 4647 section 3.4).
    """
    if len(header) > MAX_HEADER_LENGTH:
        # The range that the cut goes through would read as another language.
        header = header[: MAX_HEADER_LENGTH + 1].rpartition(",")[0]
    weights: dict[str, float] = {}
    for part in header.split(",", MAX_RANGES)[:MAX_RANGES]:
        found = _RANGE.fullmatch(part)
        if found:
            weights.setdefault(found[1].lower(), float(found[2] or 1))
    return weights


def _truncations(tag: str) -> list[str]:
    """The tag and what remains when its subtags are taken off from the end; a lone letter goes with the next."""
    subtags = tag.split("-")
    lengths = range(len(subtags), 0, -1)
    return ["-".join(subtags[:length]) for length in lengths if length == len(subtags) or len(subtags[length - 1]) > 1]


class Messages:
    """The shipped sentences and an operator's own, built once.

    Args:
        overrides: Language tag -> error code -> sentence, from the settings. Further languages are welcome. Letter case
            of tags and codes does not matter, as names that come from the environment lose it. Sentences have 1-500
            characters and may hold ``[... {detail} ...]``; markup is not interpreted.

    Raises:
        ValueError: Naming all mistakes at once, one a line.
    """

    def __init__(self, overrides: Mapping[str, Mapping[str, str]] | None = None) -> None:
        self._sentences = {code: {tag: table[code] for tag, table in MESSAGES.items()} for code in ERRORS}
        codes = {code.lower(): code for code in ERRORS}
        mistakes: list[str] = []
        for tag, table in (overrides or {}).items():
            if not _TAG.fullmatch(tag):
                mistakes.append(f"messages.{tag}: this is not a language tag such as de or de-AT")
            for name, sentence in table.items():
                code = codes.get(name.lower())
                mistake = "there is no such error code" if code is None else _mistake(sentence)
                if mistake:
                    mistakes.append(f"messages.{tag}.{name}: {mistake}")
                elif code is not None:
                    self._sentences[code][tag.lower()] = sentence.strip()
        if mistakes:
            raise ValueError("\n".join(mistakes))

    def languages(self, code: str) -> tuple[str, ...]:
        """The tags of the languages that have a sentence for an error code."""
        return tuple(self._sentences[code])

    def sentence(self, error: ProxyError, accept_language: str | None) -> tuple[str, str]:
        """What the visitor reads.

        Args:
            error: What went wrong. A sentence of its own is taken as it is.
            accept_language: The header's value as received.

        Returns:
            The language tag and the sentence. The tag is the sentence's own: English where a language lacks it, and
            ``und`` for an error's own sentence, as nobody says which language Dynamics answered in.
        """
        if error.sentence and error.sentence.strip():
            return UNDETERMINED, error.sentence
        sentences = self._sentences[error.kind.code]
        chosen = language(accept_language, sentences)
        return chosen, _fill(sentences[chosen], error.detail)


def _fill(sentence: str, detail: str | None) -> str:
    """The sentence with its detail, whose full stop the sentence has itself, or without the part that needs one."""
    words = (detail or "").strip().rstrip(".")
    return _OPTIONAL.sub(lambda part: f"{part[1]}{words}{part[2]}" if words else "", sentence)


def _mistake(sentence: str) -> str | None:
    """What is wrong with an operator's sentence, or None."""
    if len(sentence) > MAX_SENTENCE_LENGTH:
        return f"the sentence is longer than {MAX_SENTENCE_LENGTH} characters"
    without_detail = _fill(sentence, None)
    if not without_detail.strip():
        return "the sentence is empty, or empty without its part in square brackets"
    if "{" in without_detail or "}" in without_detail:
        return "braces are for {detail}, which stands in square brackets with its words: [ ({detail})]"
    return None
